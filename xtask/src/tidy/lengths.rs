//! Functions are as long as one thought, files as long as one subject.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::{spanned::Spanned, visit::Visit};

use super::{Finding, shown};

/// Nine of ten functions are at most this long.
const P90: usize = 40;
/// At most two of a hundred functions are longer than this.
const LONG: usize = 70;
/// No file is longer than this (generated ones aside): a god file hides its thoughts.
const FILE: usize = 1000;

/// Lines are known by the spans of `proc_macro2`, whose feature the manifest asks for.
#[derive(Default)]
struct Functions {
    lines: Vec<(usize, String)>,
}

impl Functions {
    fn add(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.span();
        self.lines.push((span.end().line - span.start().line + 1, name.to_string()));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, f: &'ast syn::ItemFn) {
        self.add(&f.sig.ident, &f.block);
        syn::visit::visit_item_fn(self, f);
    }
    fn visit_impl_item_fn(&mut self, f: &'ast syn::ImplItemFn) {
        self.add(&f.sig.ident, &f.block);
        syn::visit::visit_impl_item_fn(self, f);
    }
    fn visit_trait_item_fn(&mut self, f: &'ast syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.add(&f.sig.ident, block);
        }
    }
}

pub(super) fn check(root: &Path, sources: &[PathBuf]) -> Result<(Vec<Finding>, Vec<String>)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut findings = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(path)?;
        let file = syn::parse_file(&text).with_context(|| format!("{} is not Rust", shown(root, path)))?;
        let mut functions = Functions::default();
        functions.visit_file(&file);
        let place = shown(root, path);
        let count = text.lines().count();
        if count > FILE {
            findings.push(format!("{place}: {count} lines; a file has at most {FILE}"));
        }
        all.extend(functions.lines.into_iter().map(|(n, name)| (n, format!("{place}: {name}"))));
    }
    all.sort();
    let p90 = all.get(all.len() * 9 / 10).map_or(0, |f| f.0);
    let long: Vec<_> = all.iter().filter(|f| f.0 > LONG).collect();
    let share = long.len() as f64 * 100.0 / all.len().max(1) as f64;
    let figures = vec![format!(
        "functions: {} in {} files, p90 {p90} lines, {} over {LONG} lines ({share:.1} %)",
        all.len(),
        sources.len(),
        long.len()
    )];
    if p90 > P90 {
        findings.push(format!("nine of ten functions have at most {P90} lines; here it is {p90}"));
    }
    if share > 2.0 {
        findings.push(format!("at most 2 % of functions have over {LONG} lines; here {share:.1} %:"));
        findings.extend(long.iter().rev().map(|(n, place)| format!("  {place}: {n} lines")));
    }
    Ok((findings, figures))
}
