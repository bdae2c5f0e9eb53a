import SessionEngine

extension ForgedTokens {
    /// Payloads that are no object of plain JSON, each token properly signed.
    func payloadShapes() throws -> [Case] {
        let payload = forge.payload.text
        let deep = String(repeating: "[", count: 20_000)
        let closed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        let texts = [
            ("empty", ""), ("an empty object", "{}"), ("null", "null"), ("an array", "[\(payload)]"),
            ("a text", "\"x\""),
            ("20,000 brackets", deep), ("20,000 objects", String(repeating: "{\"a\":", count: 7_000)),
            ("with an inner value 20,000 deep", forge.payload.adding("deep", deep).text),
            ("65 deep", forge.payload.adding("deep", closed).text), ("cut", String(payload.dropLast())),
            ("with a trailing comma", payload.dropLast() + ",}"), ("twice", payload + payload),
            ("with a byte order mark", "\u{FEFF}" + payload), ("followed by NUL", payload + "\u{0}"),
            ("with a comment", "/* */" + payload), ("JSON5", payload.dropLast() + ",k:1}"),
        ]
        var cases = try texts.map { forge.refused("payload is \($0)", try forge.signed(payload: $1)) }
        let notUTF8 = Array(payload.utf8.dropLast()) + [0x2C, 0x22, 0xC0, 0x80, 0x22, 0x3A, 0x31, 0x7D]
        cases.append(
            forge.refused(
                "payload is not UTF-8",
                try forge.signed(headerBytes: Array(forge.header.text.utf8), payloadBytes: notUTF8)))
        cases.append(
            forge.accepted(
                "payload is 64 deep",
                try forge.signed(payload: forge.payload.adding("deep", String(closed.dropFirst().dropLast())).text)))
        return cases
    }

    /// T07: expiry claims that overflow, round, confuse or are simply past, each token properly signed.
    func hostileExpiries() throws -> [Case] {
        let refused = [
            "1e300", "-1e300", "1E+400", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
            "-9223372036854775809", "18446744073709551616", "9223372036854776", "1.5", "\(forge.nowSeconds + 60).0",
            "\(forge.nowSeconds + 60).5", "1e10", "NaN", "Infinity", "-Infinity", "0x7fffffff", "07777777777",
            "+9999999999", "\"9999999999\"", "\"NaN\"", "true", "false", "null", "[9999999999]",
            "{\"exp\":9999999999}", "\"\"", "-0", "0", "-1", "1", "\(forge.nowSeconds - 1)", "\(forge.nowSeconds)",
        ]
        let accepted = ["9007199254740991", "9007199254740993", "\(forge.nowSeconds + 1)", "9223372036854775"]
        var cases = try refused.map {
            forge.refused("T07 exp is \($0)", try forge.signed(payload: forge.payload.setting("exp", $0).text))
        }
        cases += try accepted.map {
            forge.accepted("T07 exp is \($0)", try forge.signed(payload: forge.payload.setting("exp", $0).text))
        }
        return cases
    }

    /// T07: expiry claims that are missing, misnamed or there twice, each token properly signed.
    func ambiguousExpiries() throws -> [Case] {
        let twice = forge.payload.setting("exp", "\(forge.nowSeconds - 1)").adding("exp", "9999999999").text
        let first = forge.payload.setting("exp", "\(forge.nowSeconds - 1)").prefixing("exp", "9999999999").text
        return [
            forge.refused("T07 exp is missing", try forge.signed(payload: forge.payload.removing("exp").text)),
            forge.refused("T07 exp is there twice, the later one last", try forge.signed(payload: twice)),
            forge.refused("T07 exp is there twice, the later one first", try forge.signed(payload: first)),
            forge.refused(
                "T07 exp is there twice, once in escapes",
                try forge.signed(payload: forge.payload.adding("\\u0065xp", "9999999999").text)),
            forge.refused(
                "T07 exp is called EXP",
                try forge.signed(payload: forge.payload.removing("exp").adding("EXP", "9999999999").text)),
        ]
    }

    /// T07: issue times of the same kind.
    func hostileIssueTimes() throws -> [Case] {
        let values = ["1e300", "-1e300", "9223372036854775808", "9223372036854775807", "1.5", "\"1\"", "true", "null"]
        var cases = try values.map {
            forge.refused("T07 iat is \($0)", try forge.signed(payload: forge.payload.setting("iat", $0).text))
        }
        cases.append(forge.refused("T07 iat is missing", try forge.signed(payload: forge.payload.removing("iat").text)))
        return cases
    }

    /// Claims that are missing, of another type or of another form, each token properly signed.
    func wrongClaims() throws -> [Case] {
        let texts = ["sub", "tId", "rsub", "sessionHandle", "refreshTokenHash1"]
        let wrong = texts.flatMap { name in ["null", "1", "[]", "{}", "true"].map { (name, $0) } }
        let hash = String(repeating: "a", count: 63)
        let others = [
            ("refreshTokenHash1", "\"\""), ("refreshTokenHash1", "\"\(hash)\""), ("refreshTokenHash1", "\"\(hash)A\""),
            ("refreshTokenHash1", "\"\(hash)aa\""), ("refreshTokenHash1", "\"\(hash)g\""),
            ("parentRefreshTokenHash1", "\"\(hash)\""), ("parentRefreshTokenHash1", "\"\""),
            ("parentRefreshTokenHash1", "1"), ("parentRefreshTokenHash1", "[]"), ("antiCsrfToken", "1"),
            ("antiCsrfToken", "[]"), ("antiCsrfToken", "false"),
        ]
        var cases = try (wrong + others).map { name, json in
            forge.refused("claim \(name) is \(json)", try forge.signed(payload: forge.payload.setting(name, json).text))
        }
        for name in texts + ["parentRefreshTokenHash1", "antiCsrfToken"] {
            let without = forge.payload.removing(name).text
            cases.append(forge.refused("claim \(name) is missing", try forge.signed(payload: without)))
            let twice = forge.payload.adding(name, "\"x\"").text
            cases.append(forge.refused("claim \(name) is there twice", try forge.signed(payload: twice)))
        }
        return cases
    }
}
