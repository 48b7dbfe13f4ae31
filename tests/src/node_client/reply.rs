//! Parses HTTP/1.1 answers incrementally.

/// A complete answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Whether its content type is `application/json`.
    pub is_json: bool,
    /// Without the transfer encoding.
    pub body: Vec<u8>,
}

/// The bytes are not an HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHttp;

/// `None` if the answer is incomplete; `ended` says that no more bytes follow.
pub fn parse(bytes: &[u8], ended: bool) -> Result<Option<Reply>, NotHttp> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| NotHttp)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
    let status = status
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .ok_or(NotHttp)?;
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |name: &str| {
        let found = headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    };
    let rest = &bytes[head_end + 4..];
    let body = if status == 204 || status == 304 {
        Some(Vec::new())
    } else if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        unchunk(rest)?
    } else if let Some(length) = header("content-length") {
        let length: usize = length.parse().map_err(|_| NotHttp)?;
        rest.get(..length).map(<[u8]>::to_vec)
    } else {
        ended.then(|| rest.to_vec())
    };
    let is_json = header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    Ok(body.map(|body| Reply { status, is_json, body }))
}

fn unchunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>, NotHttp> {
    let mut body = Vec::new();
    loop {
        let Some(line) = find(rest, b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&rest[..line]).map_err(|_| NotHttp)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| NotHttp)?;
        rest = &rest[line + 2..];
        let Some(chunk) = rest.get(..size) else { return Ok(None) };
        let Some(after) = rest.get(size + 2..) else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        rest = after;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_end_a_body_is_known_and_no_part_is_taken_for_the_whole() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=UTF-8\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        ] {
            let whole = Reply {
                status: 200,
                is_json: true,
                body: b"{}".to_vec(),
            };
            assert_eq!(parse(text.as_bytes(), false), Ok(Some(whole)));
            for length in 0..text.len() {
                assert_eq!(parse(&text.as_bytes()[..length], false), Ok(None), "{length} of {text}");
            }
        }
        let unbounded = b"HTTP/1.0 500 Oh\r\n\r\nno";
        assert_eq!(parse(unbounded, false), Ok(None));
        let reply = parse(unbounded, true).unwrap().unwrap();
        assert_eq!((reply.status, reply.is_json, &reply.body[..]), (500, false, &b"no"[..]));
        assert_eq!(
            parse(b"HTTP/1.1 204 No Content\r\n\r\n", false)
                .unwrap()
                .unwrap()
                .status,
            204
        );
        assert_eq!(parse(b"SSH-2.0-x\r\n\r\n", false), Err(NotHttp));
    }
}
