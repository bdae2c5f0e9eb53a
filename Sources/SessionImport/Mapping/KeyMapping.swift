import SessionEngine
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Makes our records of the signing keys of every generation (docs/specification/core.md 5.1 and 5.4).
enum KeyMapping {
    /// What becomes of a key.
    typealias Outcome = Result<SigningKeyRecord, RefusedKey>

    /// A key that is skipped.
    struct RefusedKey: Error {
        let refusal: Refusal
    }

    /// A key that is replaced on schedule: `d-<creation time in ms>`.
    static func dynamic(createdAt: Int64, value: String) -> Outcome {
        record("d-\(max(0, createdAt))", .dynamic, createdAt, value)
    }

    /// A dynamic key of an operator who has switched rotation off; it gets the name that core 5.0's migration gives.
    static func retained(createdAt: Int64, value: String) -> Outcome {
        record("s-\(max(0, createdAt))", .static, createdAt, value)
    }

    /// A key that is kept; names from before core 5.0 are plain UUIDs and get the prefix `s-`.
    static func `static`(name: String, algorithm: String, createdAt: Int64, value: String) -> Outcome {
        guard algorithm.uppercased() == SigningAlgorithm.rs256.rawValue else {
            return .failure(.init(refusal: .keyAlgorithm))
        }
        return record(name.hasPrefix("s-") ? name : "s-\(name)", .static, createdAt, value)
    }

    private static func record(
        _ name: String, _ kind: SigningKeyKind, _ createdAt: Int64, _ value: String
    ) -> Outcome {
        guard let id = KeyID(name) else { return .failure(RefusedKey(refusal: .keyName)) }
        // `<public>;<private>` up to core 3.5, `<public>|<private>` from then on, both in base64.
        let halves = value.split(omittingEmptySubsequences: false) { $0 == ";" || $0 == "|" }
        guard halves.count == 2, let bytes = Data(base64Encoded: String(halves[1])),
            let privateKey = try? PrivateSigningKey(pkcs8DER: Array(bytes), algorithm: .rs256)
        else { return .failure(RefusedKey(refusal: .keyUnreadable)) }
        let key = SigningKey(
            id: id, kind: kind, createdAt: Timestamp(milliseconds: createdAt), privateKey: privateKey)
        guard key.verificationKey.spkiBase64 == halves[0] else {
            return .failure(RefusedKey(refusal: .keyHalvesDiffer))
        }
        return .success(SigningKeyRecord(key))
    }
}
