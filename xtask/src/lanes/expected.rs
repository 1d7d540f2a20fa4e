//! Expected results: files with one line a test, `pass NAME` or `skip NAME -- reason`. Skips are counted, and may only fall.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};

/// What a lane's run said of each test: true for passed.
pub(crate) type Results = BTreeMap<String, bool>;

enum Wanted {
    Pass,
    Skip,
}

/// The names that the file says to skip, with their reasons.
pub(crate) fn skips(file: &Path) -> Result<Vec<String>> {
    Ok(read(file)?.into_iter().filter(|(_, w)| matches!(w, Wanted::Skip)).map(|(name, _)| name).collect())
}

/// Every test that the file wants must have passed, and no test may have run that the file does not know.
pub(crate) fn judge(file: &Path, results: &Results) -> Result<String> {
    let wanted = read(file)?;
    let mut wrong = Vec::new();
    let (mut passed, mut skipped) = (0, 0);
    for (name, want) in &wanted {
        match (want, results.get(name)) {
            (Wanted::Pass, Some(true)) => passed += 1,
            (Wanted::Pass, Some(false)) => wrong.push(format!("failed: {name}")),
            (Wanted::Pass, None) => wrong.push(format!("did not run: {name}")),
            (Wanted::Skip, _) => skipped += 1,
        }
    }
    wrong.extend(
        results.keys().filter(|name| !wanted.contains_key(*name)).map(|name| format!("not in {}: {name}", file.display())),
    );
    if !wrong.is_empty() {
        bail!("{} of {} as expected\n{}", passed, wanted.len(), wrong.join("\n"));
    }
    Ok(format!(
        "{passed} passed, {skipped} skipped with their reasons in {}",
        file.file_name().unwrap_or_default().to_string_lossy()
    ))
}

fn read(file: &Path) -> Result<BTreeMap<String, Wanted>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut wanted = BTreeMap::new();
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        let (word, rest) = line.split_once(' ').with_context(|| format!("{}: {line:?}", file.display()))?;
        let (name, want) = match (word, rest.split_once(" -- ")) {
            ("pass", None) => (rest, Wanted::Pass),
            ("skip", Some((name, _))) => (name, Wanted::Skip),
            _ => bail!("{}: write `pass NAME` or `skip NAME -- reason`, not {line:?}", file.display()),
        };
        wanted.insert(name.to_string(), want);
    }
    Ok(wanted)
}
