import Foundations
import LibPQClient
import SessionEngine
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The signing keys in the tables of a SuperTokens core whose schema this process runs on (docs/specification/core.md 5.1).
///
/// Its keys count as ours, and ours are written there too, so that a team can switch back. Keys that its core cannot
/// use, because they are encrypted or of another algorithm, are in our table only.
struct SuperTokensKeys: Sendable {
    /// The keys there are.
    func keys(of storage: PostgresSessionStorage) async throws(StorageError) -> [SigningKeyRecord] {
        let result = try await storage.run(storage.statements.selectForeignKeys)
        return try result.rows { (row) throws(StorageError) in
            guard let record = Self.record(row) else {
                throw StorageError(.corrupt, "the signing key \(row.text(0)) of SuperTokens cannot be read")
            }
            return record
        }
    }

    private static func record(_ row: PostgresRow) -> SigningKeyRecord? {
        let name = row.text(0)
        // `<public>|<private>`, both in base64; names from before core 5.0 are plain UUIDs.
        let halves = row.text(3).split(omittingEmptySubsequences: false) { $0 == "|" || $0 == ";" }
        guard let id = KeyID(name.hasPrefix("d-") || name.hasPrefix("s-") ? name : "s-\(name)"), halves.count == 2,
            row.text(1).uppercased() == SigningAlgorithm.rs256.rawValue,
            let bytes = Data(base64Encoded: String(halves[1]))
        else { return nil }
        return SigningKeyRecord(
            id: id, kind: name.hasPrefix("d-") ? .dynamic : .static, algorithm: .rs256,
            createdAt: Timestamp(milliseconds: row.integer(2)), privateKeyDER: Array(bytes))
    }

    /// The values of a change beyond those for our own table.
    func values(of change: SigningKeyChange) -> NamedValues {
        let shared = change.added.compactMap { record in Self.value(of: record).map { (record, $0) } }
        let dynamic = shared.filter { $0.0.kind == .dynamic }
        let fixed = shared.filter { $0.0.kind == .static }
        return [
            "dynamicCreated": .integers(dynamic.map { Self.creation(of: $0.0.id) ?? $0.0.createdAt.milliseconds }),
            "dynamicValues": .texts(dynamic.map(\.1)),
            "dynamicRemoved": .integers(change.removed.compactMap(Self.creation)),
            "staticIds": .texts(fixed.map(\.0.id.rawValue)), "staticValues": .texts(fixed.map(\.1)),
            "staticCreated": .integers(fixed.map(\.0.createdAt.milliseconds)),
        ]
    }

    /// The time in the name of a dynamic key.
    private static func creation(of id: KeyID) -> Int64? {
        id.rawValue.hasPrefix("d-") ? Int64(id.rawValue.dropFirst(2)) : nil
    }

    private static func value(of record: SigningKeyRecord) -> String? {
        // The other core could not sign with a key that a signer keeps.
        guard record.algorithm == .rs256, let key = try? record.signingKey(), !key.privateKey.isExternal else {
            return nil
        }
        return key.verificationKey.spkiBase64 + "|" + Data(record.privateKeyDER).base64EncodedString()
    }
}
