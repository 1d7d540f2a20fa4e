//! The words and signs of IDL, and its comments.

use crate::Flaw;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, perhaps with dots; or one in backticks, which may be a word of the language.
    Word(String),
    Sign(char),
    End,
}

pub(super) struct Text<'a> {
    whole: &'a str,
    at: usize,
    /// The last `/** … */` that nothing has taken yet.
    doc: Option<String>,
}

impl<'a> Text<'a> {
    pub(super) fn new(whole: &'a str) -> Self {
        Self { whole, at: 0, doc: None }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.whole[self.at..]
    }

    /// Passes over bytes that were read.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn flaw(&self, what: String) -> Flaw {
        let before = &self.whole[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Flaw::new(what).at(format!("line {line} column {column}"))
    }

    pub(super) fn unexpected(&self, token: &Token, wanted: &str) -> Flaw {
        let found = match token {
            Token::Word(word) => format!("{word:?}"),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "the end of the text".to_owned(),
        };
        self.flaw(format!("{wanted} is expected, not {found}"))
    }

    /// The comment in front of what comes next.
    pub(super) fn doc(&mut self) -> Option<String> {
        let _ = self.blank();
        self.doc.take()
    }

    /// Passes over blanks and comments.
    pub(super) fn blank(&mut self) -> Result<(), Flaw> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else { return Err(self.flaw("a comment has no end".into())) };
                if let Some(doc) = comment[..end].strip_prefix('*') {
                    self.doc = Some(plain(doc));
                }
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn peek(&mut self) -> Result<Token, Flaw> {
        self.blank()?;
        let at = self.at;
        let token = self.next();
        self.at = at;
        token
    }

    pub(super) fn next(&mut self) -> Result<Token, Flaw> {
        self.blank()?;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        if let Some(quoted) = rest.strip_prefix('`') {
            let Some(end) = quoted.find('`') else { return Err(self.flaw("a name in backticks has no end".into())) };
            self.at += end + 2;
            return Ok(Token::Word(quoted[..end].to_owned()));
        }
        let is_letter = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-' || c == '`';
        if !(first.is_alphabetic() || first == '_') {
            self.at += first.len_utf8();
            return Ok(Token::Sign(first));
        }
        let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        self.at += end;
        Ok(Token::Word(rest[..end].replace('`', "")))
    }

    /// Nothing comes any more. Behind a control-Z a file may have what it likes.
    pub(super) fn end(&mut self) -> Result<(), Flaw> {
        match self.next()? {
            Token::End | Token::Sign('\u{1a}') => Ok(()),
            other => Err(self.unexpected(&other, "the end of the text")),
        }
    }

    pub(super) fn word(&mut self) -> Result<String, Flaw> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(self.unexpected(&other, "a name")),
        }
    }

    /// Takes the sign if it comes next.
    pub(super) fn eat(&mut self, sign: char) -> Result<bool, Flaw> {
        self.blank()?;
        let comes = self.rest().starts_with(sign);
        if comes {
            self.at += sign.len_utf8();
        } else if self.rest().is_empty() && matches!(sign, '}' | ')') {
            return Err(self.unexpected(&Token::End, &format!("{sign:?}")));
        }
        Ok(comes)
    }

    pub(super) fn expect(&mut self, sign: char) -> Result<(), Flaw> {
        if self.eat(sign)? {
            return Ok(());
        }
        let other = self.next()?;
        Err(self.unexpected(&other, &format!("{sign:?}")))
    }
}

/// A comment without the stars at its lines' beginnings.
fn plain(doc: &str) -> String {
    let lines: Vec<&str> = doc.trim().lines().map(|line| line.trim().trim_start_matches('*').trim()).collect();
    lines.join("\n")
}
