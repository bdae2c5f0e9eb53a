import LosslessJSON
import SessionEngine

extension ForgedTokens {
    /// T03: keys and addresses of keys in the header, signed by the forger and by the trusted key.
    func embeddedKeys() throws -> [Case] {
        let foreign = try TestKeys.foreignKey(forge.key.algorithm)
        let jwk = try VerificationKey(id: forge.key.id, publicKey: foreign.publicKey).jwk().text
        let members = [
            ("jwk", jwk), ("jku", "\"http://127.0.0.1:9/keys\""), ("x5u", "\"http://127.0.0.1:9/chain\""),
            ("x5c", "[\"MIIB\"]"), ("x5t", "\"AAAA\""), ("x5t#S256", "\"AAAA\""),
        ]
        return try members.flatMap { name, json in
            let header = forge.header.adding(name, json).text
            return [
                forge.refused("T03 \(name), signed by the forger", try forge.signed(header: header, by: foreign)),
                forge.refused("T03 \(name), signed by the trusted key", try forge.signed(header: header)),
            ]
        }
    }

    /// T05: key ids that are no id or another's, each token properly signed.
    func keyIDs() throws -> [Case] {
        let id = forge.key.id.rawValue
        let values = [
            "\"../../../../etc/passwd\"", "\"/dev/null\"", "\"' OR 1=1 --\"", "\"x' UNION SELECT 'key' --\"",
            "\"| sleep 9\"", "null", "true", "17", "[]", "[\"\(id)\"]", "{}", "{\"\(id)\":1}", "\"\"", "\"unknown\"",
            "\"d-1\"", "\"\(String(repeating: "k", count: 5_000))\"", "\"\(id) \"", "\" \(id)\"", "\"\(id)\\u0000\"",
            "\"\(id)\\n\"", "\"\(id)0\"", "\"\(id.dropLast())\"", "\"\(id.uppercased())-\"", "\"d-\\uff11\"",
        ]
        var cases = try values.map {
            forge.refused("T05 kid is \($0.prefix(40))", try forge.signed(header: forge.header.setting("kid", $0).text))
        }
        cases.append(forge.refused("T05 kid is missing", try forge.signed(header: forge.header.removing("kid").text)))
        return cases
    }

    /// T02 and T04: members that ask for another treatment, each token properly signed.
    func extraHeaderMembers() throws -> [Case] {
        let members = [
            ("crit", "[\"exp\"]"), ("crit", "[]"), ("crit", "\"exp\""), ("crit", "null"), ("crit", "[\"b64\"]"),
            ("zip", "\"DEF\""), ("zip", "null"), ("enc", "\"A256GCM\""), ("b64", "false"), ("b64", "true"),
            ("cty", "\"JWT\""), ("p2c", "2147483647"), ("p2s", "\"AAAA\""), ("apu", "\"AAAA\""), ("epk", "{}"),
            ("iv", "\"AAAA\""), ("exp", "9999999999"), ("url", "\"http://127.0.0.1:9/\""), ("nonce", "\"x\""),
            ("", "1"), ("KID", "\"x\""),
        ]
        return try members.map { name, json in
            let header = forge.header.adding(name, json).text
            return forge.refused("T04 header has '\(name)': \(json)", try forge.signed(header: header))
        }
    }

    /// T01: two members of one name, in both orders, each token properly signed.
    func duplicateHeaderMembers() throws -> [Case] {
        try forge.header.members.flatMap { member in
            let evil = member.name == "alg" ? "\"none\"" : "\"other\""
            return [
                forge.refused(
                    "T01 \(member.name) twice, the same",
                    try forge.signed(header: forge.header.adding(member.name, member.json).text)),
                forge.refused(
                    "T01 \(member.name) twice, the wrong one last",
                    try forge.signed(header: forge.header.adding(member.name, evil).text)),
                forge.refused(
                    "T01 \(member.name) twice, the wrong one first",
                    try forge.signed(header: forge.header.prefixing(member.name, evil).text)),
            ]
        }
    }

    /// Versions that this form of header may not have; a missing one means the newest.
    func versions() throws -> [Case] {
        let values = [
            "\"1\"", "\"2\"", "\"0\"", "\"6\"", "\"9\"", "\"-5\"", "\"05\"", "\"5.0\"", "\"5 \"", "\"five\"", "\"\"",
            "5", "5.0", "null", "true", "[\"5\"]", "{}", "1e300", "9223372036854775808",
        ]
        var cases = try values.map {
            forge.refused("version is \($0)", try forge.signed(header: forge.header.setting("version", $0).text))
        }
        cases.append(
            forge.refused("version is missing", try forge.signed(header: forge.header.removing("version").text)))
        return cases
    }

    /// T08: other types of token, each properly signed.
    func types() throws -> [Case] {
        let values = [
            "\"jwt\"", "\"at+jwt\"", "\"dpop+jwt\"", "\"dbsc+jwt\"", "\"JOSE\"", "\"JWE\"", "\"JWT \"", "\"\"", "null",
            "1", "[\"JWT\"]",
        ]
        var cases = try values.map {
            forge.refused("T08 typ is \($0)", try forge.signed(header: forge.header.setting("typ", $0).text))
        }
        cases.append(forge.refused("T08 typ is missing", try forge.signed(header: forge.header.removing("typ").text)))
        return cases
    }

    /// Headers that are no object of plain JSON, each token properly signed.
    func headerShapes() throws -> [Case] {
        let header = forge.header.text
        let deep = String(repeating: "[", count: 20_000)
        let texts = [
            ("empty", ""), ("an empty object", "{}"), ("null", "null"), ("an array", "[\(header)]"), ("a number", "1"),
            ("20,000 brackets", deep), ("nested 20,000 deep", "{\"typ\":" + deep),
            ("with a comment", header + "/**/"), ("cut", String(header.dropLast())), ("twice", header + header),
            ("with a trailing comma", header.dropLast() + ",}"), ("with a byte order mark", "\u{FEFF}" + header),
            ("single-quoted", String(header.map { $0 == "\"" ? "'" : $0 })),
            ("of 60 kB", "{\"typ\":\"\(deep)\(deep)\"}"),
        ]
        var cases = try texts.map { forge.refused("header is \($0)", try forge.signed(header: $1)) }
        let notUTF8 = Array(header.utf8.dropLast()) + [0x2C, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]
        cases.append(
            forge.refused(
                "header is not UTF-8",
                try forge.signed(headerBytes: notUTF8, payloadBytes: Array(forge.payload.text.utf8))))
        return cases
    }
}
