import SessionEngine

extension ForgedTokens {
    /// T02: everything that is not three parts.
    func shapes() throws -> [Case] {
        let (header, payload, signature) = (forge.parts[0], forge.parts[1], forge.parts[2])
        let (valid, junk) = (forge.valid, String(repeating: "A", count: 100_000))
        let flattened = "{\"protected\":\"\(header)\",\"payload\":\"\(payload)\",\"signature\":\"\(signature)\"}"
        let tokens = [
            ("empty", ""), ("one dot", "."), ("two dots", ".."), ("three dots", "..."), ("one letter", "a"),
            ("x.y.z", "x.y.z"), ("one part", header), ("two parts", "\(header).\(payload)"),
            ("an empty signature", "\(header).\(payload)."), ("an empty payload", "\(header)..\(signature)"),
            ("an empty header", ".\(payload).\(signature)"), ("four parts", "\(valid).\(signature)"),
            ("five parts, a JWE", "\(header).\(payload).\(payload).\(payload).\(signature)"),
            ("a dot behind", "\(valid)."),
            ("a dot before", ".\(valid)"), ("flattened JSON", flattened),
            ("general JSON", "{\"payload\":\"\(payload)\",\"signatures\":[{\"protected\":\"\(header)\"}]}"),
            ("a space behind", "\(valid) "), ("a space before", " \(valid)"), ("a line break behind", "\(valid)\n"),
            ("a line break inside", "\(header).\n\(payload).\(signature)"), ("Bearer before", "Bearer \(valid)"),
            ("in quotes", "\"\(valid)\""), ("NUL behind", "\(valid)\u{0}"), ("a byte order mark", "\u{FEFF}\(valid)"),
            ("100 kB of A", junk), ("100 kB of dots", String(repeating: ".", count: 100_000)),
            ("100 kB of emoji", String(repeating: "😀", count: 25_000)),
            ("a 100 kB payload", "\(header).\(junk).\(signature)"),
            ("a 100 kB signature", "\(header).\(payload).\(junk)"),
            ("a 100 kB header", "\(junk).\(payload).\(signature)"),
            ("two tokens", valid + valid), ("two tokens with a comma", "\(valid),\(valid)"),
            ("the parts reversed", "\(signature).\(payload).\(header)"),
            ("full stops of another kind", "\(header)。\(payload)。\(signature)"),
        ]
        let nested = try forge.signed(headerBytes: Array(forge.header.text.utf8), payloadBytes: Array(valid.utf8))
        return tokens.map { forge.refused("T02 \($0)", $1) } + [forge.refused("T02 a token within a token", nested)]
    }

    /// T06: the same bytes in any other base64.
    func base64Variants() throws -> [Case] {
        var cases: [Case] = []
        for index in 0..<3 {
            let name = ["header", "payload", "signature"][index]
            func variant(_ what: String, _ text: String) {
                var parts = forge.parts
                guard text != parts[index] else { return }
                parts[index] = text
                cases.append(forge.refused("T06 \(name) \(what)", parts.joined(separator: ".")))
            }
            let part = forge.parts[index]
            variant("in standard base64", WireText.base64(try WireText.decode(part)))
            variant("with one =", part + "=")
            variant("with two =", part + "==")
            variant("with a percent-encoded =", part + "%3D")
            variant("in the other alphabet", String(part.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }))
            variant("with a space inside", part.prefix(4) + " " + part.dropFirst(4))
            variant("with a line break inside", part.prefix(4) + "\r\n" + part.dropFirst(4))
            variant("with an A behind", part + "A")
            variant("with four A behind", part + "AAAA")
            variant("with other trailing bits", Self.withOtherTrailingBits(part))
        }
        return cases
    }

    /// The text with the last digit's unused bits set; the same text if it has none.
    private static func withOtherTrailingBits(_ part: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        guard part.utf8.count % 4 != 0, let last = part.last, let value = alphabet.firstIndex(of: last) else {
            return part
        }
        return part.dropLast() + String(alphabet[value | 1])
    }

    /// T08: other kinds of token in the place of an access token.
    func otherKinds() throws -> [Case] {
        let refresh = forge.refreshToken
        let id = forge.key.id.rawValue
        let plain = "{\"iss\":\"x\",\"sub\":\"u\",\"exp\":9999999999,\"iat\":1}"
        return [
            forge.refused("T08 a refresh token", refresh),
            forge.refused("T08 a refresh token's parts under our header", "\(forge.parts[0]).\(refresh.prefix(40)).x"),
            forge.refused("T08 a token of the JWT recipe", try forge.signed(payload: plain)),
            forge.refused(
                "T08 an id token", try forge.signed(header: forge.header.removing("version").text, payload: plain)),
            forge.refused(
                "T08 the session handle", forge.payload.members.first { $0.name == "sessionHandle" }?.json ?? ""),
            forge.refused("T08 the key id", id),
        ]
    }

    /// Some random damage, the same in every run.
    func randomDamage() -> [Case] {
        (0..<40).map { seed in
            var random = SplitMix64(seed: UInt64(seed))
            var bytes = Array(forge.valid.utf8)
            for _ in 0..<Int.random(in: 2...9, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] ^= UInt8.random(in: 1 ... .max, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 33...126, using: &random), at: index)
                }
            }
            return forge.refused("random damage of seed \(seed)", String(decoding: bytes, as: UTF8.self))
        }
    }
}
