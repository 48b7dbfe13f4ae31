//! Vote requests that are created before the measurement.

use std::fmt::Write;

use super::TOKEN;

/// The timestamp of the votes. A signer without a policy signs any.
const TIMESTAMP: i64 = 1_767_071_399_409;

/// Whole HTTP requests of equal length, in one block of memory.
pub struct Votes {
    bytes: Vec<u8>,
    each: usize,
}

impl Votes {
    /// `count` votes of the voter `public_key`. Another `first` gives different votes.
    pub fn new(public_key: &str, first: u64, count: u64) -> Self {
        let mut text = String::new();
        let mut each = 0;
        for number in first..first + count {
            let body = format!(
                r#"{{"target":{{"version":0,"algorithm":"V1","publicKey":"{public_key}","blockAlgorithm":"V1","blockHash":"{}","timestamp":{TIMESTAMP}}}}}"#,
                block_hash(number),
            );
            let before = text.len();
            // The node's own headers.
            let written = write!(
                text,
                "POST /votes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nAuthorization: {TOKEN}\r\nAccept: application/json\r\n\
                 User-Agent: ktor-client\r\nContent-Type: application/json\r\n\r\n{body}",
                body.len(),
            );
            debug_assert!(written.is_ok(), "writing to a String does not fail");
            each = text.len() - before;
        }
        Self {
            bytes: text.into_bytes(),
            each,
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len().checked_div(self.each).unwrap_or(0)
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(index * self.each..(index + 1) * self.each)
    }
}

/// 64 hex digits: the number itself and three pseudo-random words, so that no two are equal.
fn block_hash(number: u64) -> String {
    let mut text = format!("{number:016X}");
    let mut word = number;
    for _ in 0..3 {
        word = (word ^ (word >> 29))
            .wrapping_mul(0xBF58_476D_1CE4_E5B9)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        let _ = write!(text, "{word:016X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_whole_and_distinct() {
        let votes = Votes::new(&"AB".repeat(32), 7, 3);
        assert_eq!(votes.len(), 3);
        let texts: Vec<_> = (0..3)
            .map(|index| String::from_utf8(votes.get(index).unwrap().to_vec()).unwrap())
            .collect();
        assert_ne!(texts[0], texts[1]);
        assert_ne!(texts[1], texts[2]);
        assert!(votes.get(3).is_none());
        for text in texts {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
            let vote: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(vote["target"]["blockHash"].as_str().unwrap().len(), 64);
        }
    }
}
