//! Comments in a schema's text. JSON has none; Java's parser of schemas takes `//` to the line's end and `/* … */`.

use std::borrow::Cow;

/// The text with blanks in the place of comments, so that lines and columns stay. One that does not end is left to the
/// parser to refuse.
pub(super) fn blanked(text: &str) -> Cow<'_, str> {
    // Quickly past the many that have none.
    if !text.contains("//") && !text.contains("/*") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (front, from) = rest.split_at(at);
        out.push_str(front);
        rest = from;
        let length = match comment(from) {
            Some(length) => {
                out.extend(from[..length].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
                length
            }
            // It has no end anywhere behind it: to look again would cost the whole text each time.
            None if from.starts_with("/*") => break,
            None => {
                let length = string(from);
                out.push_str(&from[..length]);
                length
            }
        };
        rest = &from[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How long the comment is that begins here, if one does.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find(['\n', '\r']).unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?.find("*/").map(|end| end + 4)
}

/// How long the string is that begins here; anything else is one letter.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    match (text.starts_with('"'), end) {
        (true, Some((end, _))) => end + 1,
        (true, None) => text.len(),
        (false, _) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::blanked;

    #[test]
    fn comments_are_blanks_and_strings_are_not() {
        let same = [r#"{"a":"http://x/*y*/"}"#, r#"{"a":"\"//","b":1}"#, "{\"a\":\"\\\\\"}", "/", "/*", "\"//", "{\"a\" / 1}"];
        for text in same {
            assert_eq!(blanked(text), text);
        }
        // A blank for each byte.
        assert_eq!(blanked("// é\n\"a\"//"), "     \n\"a\"  ");
        assert_eq!(blanked("[/* \"\n */1,\"\\\\\"/**/]//x\n "), "[    \n   1,\"\\\\\"    ]   \n ");
        assert_eq!(blanked("/*/ 1 */2"), "        2");
        // A line ends at either, as it does for Java's parser.
        assert_eq!(blanked("// a\r1 // b\r\n2"), "    \r1     \r\n2");
    }

    #[test]
    fn many_that_have_no_end_cost_one_look() {
        let open = "/* ".repeat(700_000);
        assert_eq!(blanked(&open), open);
    }
}
