import Crypto
import CryptoExtras
import LosslessJSON
import SessionEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension PrivateSigningKey {
    /// A signature as it stands in a token.
    func wireSignature(over bytes: [UInt8]) throws -> [UInt8] {
        switch self {
        case .rsa(let key): Array(try key.signature(for: bytes, padding: .insecurePKCS1v1_5).rawRepresentation)
        case .p256(let key): Array(try key.signature(for: bytes).rawRepresentation)
        case .external: throw SigningError.cryptographyFailed
        }
    }
}

extension ForgedTokens {
    /// T01: `none` in many spellings, with no signature and with the old one.
    func noneAlgorithms() -> [Case] {
        let spellings = ["none", "None", "NONE", "nOnE", "none ", "", "null", "no\\u006ee"]
        return spellings.flatMap { spelling in
            let input = WireText.base64URL(forge.header.setting("alg", "\"\(spelling)\"").text) + "." + forge.parts[1]
            return [
                forge.refused("T01 alg '\(spelling)' without a signature", input + "."),
                forge.refused("T01 alg '\(spelling)' with the old signature", input + "." + forge.parts[2]),
            ]
        }
    }

    /// T01: HMAC keyed with everything that is public about the key.
    func hmacAlgorithms() throws -> [Case] {
        try publicTexts().flatMap { name, secret in
            let key = SymmetricKey(data: secret)
            return [
                hmac("HS256", name) { Array(HMAC<SHA256>.authenticationCode(for: $0, using: key)) },
                hmac("HS384", name) { Array(HMAC<SHA384>.authenticationCode(for: $0, using: key)) },
                hmac("HS512", name) { Array(HMAC<SHA512>.authenticationCode(for: $0, using: key)) },
            ]
        }
    }

    private func hmac(_ algorithm: String, _ secret: String, _ code: ([UInt8]) -> [UInt8]) -> Case {
        let header = forge.header.setting("alg", "\"\(algorithm)\"").text
        return forge.refused("T01 \(algorithm) keyed with the \(secret)", forge.token(header: header, signature: code))
    }

    private func publicTexts() throws -> [(String, [UInt8])] {
        let (pem, der, raw): (String, [UInt8], [UInt8])
        switch forge.key.privateKey.publicKey {
        case .rsa(let key):
            (pem, der) = (key.pemRepresentation, Array(key.derRepresentation))
            raw = Array(try key.getKeyPrimitives().modulus)
        case .p256(let key):
            (pem, der) = (key.pemRepresentation, Array(key.derRepresentation))
            raw = Array(key.rawRepresentation)
        }
        let jwk = try forge.key.verificationKey.jwk().text
        return [
            ("public PEM", Array(pem.utf8)), ("public PEM and a line break", Array((pem + "\n").utf8)),
            ("public DER", der), ("public DER in base64", Array(WireText.base64(der).utf8)),
            ("JWK", Array(jwk.utf8)), ("modulus or point", raw), ("key id", Array(forge.key.id.rawValue.utf8)),
            ("empty text", []),
        ]
    }

    /// T01: other algorithms over the same bytes, honestly computed where the key can.
    func otherAlgorithms() throws -> [Case] {
        let names = ["RS384", "RS512", "PS256", "PS384", "ES384", "ES512", "ES256K", "EdDSA", "RS1", "dir", "A256GCM"]
        let old = try WireText.decode(forge.parts[2])
        var cases = names.map { name in
            let header = forge.header.setting("alg", "\"\(name)\"").text
            return forge.refused("T01 alg \(name) with the old signature", forge.token(header: header) { _ in old })
        }
        for algorithm in SigningAlgorithm.allCases where algorithm != forge.key.algorithm {
            let key = try TestKeys.privateKey(algorithm)
            let header = forge.header.setting("alg", "\"\(algorithm.rawValue)\"").text
            cases.append(
                forge.refused(
                    "T01 \(algorithm.rawValue) under the id of another key", try forge.signed(header: header, by: key)))
            cases.append(
                forge.refused(
                    "T01 a signature of another algorithm's key", try forge.signed(header: forge.header.text, by: key)))
        }
        if case .rsa(let key) = forge.key.privateKey { cases += try otherRSASchemes(key) }
        return cases
    }

    private func otherRSASchemes(_ key: _RSA.Signing.PrivateKey) throws -> [Case] {
        let schemes: [(String, ([UInt8]) throws -> _RSA.Signing.RSASignature)] = [
            ("RS384", { try key.signature(for: SHA384.hash(data: $0), padding: .insecurePKCS1v1_5) }),
            ("RS512", { try key.signature(for: SHA512.hash(data: $0), padding: .insecurePKCS1v1_5) }),
            ("RS1", { try key.signature(for: Insecure.SHA1.hash(data: $0), padding: .insecurePKCS1v1_5) }),
            ("PS256", { try key.signature(for: $0, padding: .PSS) }),
            ("PS512", { try key.signature(for: SHA512.hash(data: $0), padding: .PSS) }),
        ]
        return try schemes.flatMap { name, sign in
            let header = forge.header.setting("alg", "\"\(name)\"").text
            return [
                forge.refused(
                    "T01 a true \(name) signature",
                    try forge.token(header: header) { Array(try sign($0).rawRepresentation) }),
                forge.refused(
                    "T01 a \(name) signature under RS256",
                    try forge.token(header: forge.header.text) { Array(try sign($0).rawRepresentation) }),
            ]
        }
    }

    /// T01: `alg` that is no plain text, each token properly signed.
    func algorithmTypes() throws -> [Case] {
        let right = forge.key.algorithm.rawValue
        let values = [
            "null", "true", "256", "[\"\(right)\"]", "{\"\(right)\":1}", "\"\(right.lowercased())\"", "\" \(right)\"",
            "\"\(right)\\u0000\"", "\"\(right)\\n\"", "\"\(right),none\"",
        ]
        var cases = try values.map {
            forge.refused("T01 alg is \($0)", try forge.signed(header: forge.header.setting("alg", $0).text))
        }
        cases.append(forge.refused("T01 alg is missing", try forge.signed(header: forge.header.removing("alg").text)))
        cases.append(
            forge.refused(
                "T01 alg is called ALG",
                try forge.signed(header: forge.header.removing("alg").adding("ALG", "\"\(right)\"").text)))
        return cases
    }
}
