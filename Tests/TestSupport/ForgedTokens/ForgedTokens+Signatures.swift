import Crypto
import LosslessJSON
import SessionEngine

extension ForgedTokens {
    /// T06: signatures of wrong length or of nothing.
    func damagedSignatures() throws -> [Case] {
        let right = try WireText.decode(forge.parts[2])
        let signatures: [(String, [UInt8])] = [
            ("one zero", [0]), ("all zero", .init(repeating: 0, count: right.count)),
            ("all ones", .init(repeating: 0xFF, count: right.count)), ("one byte short", Array(right.dropLast())),
            ("short of its first byte", Array(right.dropFirst())), ("one byte long", right + [0]),
            ("one byte long in front", [0] + right), ("twice", right + right), ("reversed", right.reversed()),
            ("of 64 zeros", .init(repeating: 0, count: 64)), ("of 256 zeros", .init(repeating: 0, count: 256)),
            ("of 512 zeros", .init(repeating: 0, count: 512)), ("complemented", right.map { ~$0 }),
        ]
        return signatures.filter { $1 != right }.map { name, bytes in
            let token = forge.token(header: forge.header.text) { _ in bytes }
            return forge.refused("T06 signature is \(name)", token)
        }
    }

    /// T06: r and s outside 1 to n - 1, and other encodings (only for a P-256 key).
    func ellipticCurveSignatures() throws -> [Case] {
        guard case .p256(let key) = forge.key.privateKey else { return [] }
        let order = try WireText.hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        let (zero, one) = ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 31) + [1])
        let next = order.dropLast() + [(order.last ?? 0) + 1]
        let ones = [UInt8](repeating: 0xFF, count: 32)
        let right = try WireText.decode(forge.parts[2])
        let (r, s) = (Array(right.prefix(32)), Array(right.suffix(32)))
        let pairs: [(String, [UInt8])] = [
            ("(0, 0)", zero + zero), ("(0, s)", zero + s), ("(r, 0)", r + zero), ("(n, n)", order + order),
            ("(n, s)", order + s), ("(r, n)", r + order), ("(n + 1, s)", next + s), ("(r, n + 1)", r + next),
            ("(1, 1)", one + one), ("(1, s)", one + s), ("(r, 1)", r + one), ("(0, n)", zero + order),
            ("(2^256 - 1, s)", ones + s), ("(r, 2^256 - 1)", r + ones), ("(s, r)", s + r), ("(r, r)", r + r),
        ]
        var cases = pairs.map { name, bytes in
            forge.refused("T06 r and s are \(name)", forge.token(header: forge.header.text) { _ in bytes })
        }
        cases.append(
            forge.refused(
                "T06 an ES256 signature in DER",
                try forge.token(header: forge.header.text) { Array(try key.signature(for: $0).derRepresentation) }))
        return cases
    }

    /// Tokens of keys that no one trusts, and parts put together from two tokens.
    func foreignKeys() throws -> [Case] {
        let foreign = try TestKeys.foreignKey(forge.key.algorithm)
        let other = try forge.signed(payload: forge.payload.setting("sub", "\"root\"").text)
        let parts = other.split(separator: ".")
        let unknown = forge.header.setting("kid", "\"d-1700000000000\"").text
        return [
            forge.refused("another key under our id", try forge.signed(header: forge.header.text, by: foreign)),
            forge.refused("another key under its own id", try forge.signed(header: unknown, by: foreign)),
            forge.refused("another token's signature", "\(forge.parts[0]).\(forge.parts[1]).\(parts[2])"),
            forge.refused("another token's payload", "\(forge.parts[0]).\(parts[1]).\(forge.parts[2])"),
            forge.refused(
                "another version's header",
                WireText.base64URL(forge.header.setting("version", "\"4\"").text)
                    + ".\(forge.parts[1]).\(forge.parts[2])"),
        ]
    }

    /// Forgeries in the form of 2020, which names no key.
    func legacyForgeries() throws -> [Case] {
        let payload = legacyPayload
        let foreign = try TestKeys.foreignRSA()
        var cases = try ["1", "2"].flatMap { version in
            [
                forge.refused("V\(version) of another key", try legacy(version, payload.text, by: foreign)),
                forge.refused("V\(version) without a signature", try legacy(version, payload.text, by: nil)),
                forge.refused(
                    "V\(version) around the claims of V5", try legacy(version, forge.payload.text, by: foreign)),
            ]
        }
        let signed = try legacy("2", payload.text, by: foreign)
        cases.append(forge.refused("V2 in base64url", String(signed.map { $0 == "=" ? "A" : $0 })))
        return cases
    }

    /// The same form signed by the trusted key (only for an RSA key, which alone may sign it).
    func signedLegacyForgeries() throws -> [Case] {
        guard case .rsa = forge.key.privateKey else { return [] }
        let (mine, payload) = (forge.key.privateKey, legacyPayload)
        let later = "\(forge.nowSeconds + 60)000"
        var cases: [Case] = []
        cases.append(forge.accepted("V2 of our key", try legacy("2", payload.text, by: mine)))
        cases.append(
            forge.refused("V2 around the claims of V5, by our key", try legacy("2", forge.payload.text, by: mine)))
        cases.append(forge.refused("V3 in the form of 2020, by our key", try legacy("3", payload.text, by: mine)))
        let hostile = ["1e300", "9223372036854775808", "\(later).5", "\"\(later)\"", "null", "true", "-1", "0", "1e18"]
        cases += try hostile.map {
            forge.refused(
                "T07 V2 expiryTime is \($0)", try legacy("2", payload.setting("expiryTime", $0).text, by: mine))
        }
        cases += try ["userId", "sessionHandle", "refreshTokenHash1", "userData", "timeCreated", "expiryTime"].map {
            forge.refused("V2 lacks \($0)", try legacy("2", payload.removing($0).text, by: mine))
        }
        return cases
    }

    private var legacyPayload: RawObject {
        func claim(_ name: String) -> String { forge.payload.members.first { $0.name == name }?.json ?? "null" }
        return RawObject([:])
            .adding("sessionHandle", claim("sessionHandle")).adding("userId", claim("sub"))
            .adding("refreshTokenHash1", claim("refreshTokenHash1")).adding("userData", "{}")
            .adding("expiryTime", "\(forge.nowSeconds + 60)000").adding("timeCreated", "\(forge.nowSeconds)000")
    }

    /// A token with the fixed header of a legacy version.
    private func legacy(_ version: String, _ payload: String, by key: PrivateSigningKey?) throws -> String {
        let header = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"version\":\"\(version)\"}"
        let input = WireText.base64(Array(header.utf8)) + "." + WireText.base64(Array(payload.utf8))
        return input + "." + WireText.base64(try key?.wireSignature(over: Array(input.utf8)) ?? [])
    }
}
