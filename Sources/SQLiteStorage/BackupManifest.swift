import Crypto
import Foundations
public import LosslessJSON
public import SessionEngine
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a backup says about itself, in a file beside it.
public struct BackupManifest: Sendable, Equatable {
    /// SHA-256 of the file, in hexadecimal digits.
    public var sha256: String
    /// How large it is.
    public var bytes: Int64
    /// When it was taken.
    public var takenAt: Timestamp
    /// The release that took it.
    public var release: String
    /// How often the store was restored.
    public var restoreNumber: UInt8
    /// The newest step of its schema.
    public var schema: String
    /// The last entry of the audit log, by app: what came later is lost by a restore.
    public var lastSequences: [AppID: Int64]

    /// The name of the manifest of a backup.
    public static func path(of backup: String) -> String { backup + ".manifest.json" }

    /// The text of the manifest.
    public var json: JSONObject {
        let sequences = lastSequences.sorted { $0.key.rawValue < $1.key.rawValue }
        return [
            "format": "tessera-backup-1", "sha256": .string(sha256), "bytes": .integer(bytes),
            "takenAt": .integer(takenAt.milliseconds), "release": .string(release),
            "restoreNumber": .integer(Int64(restoreNumber)), "schema": .string(schema),
            "lastSequences": .object(
                JSONObject(sequences.map { .init(name: $0.key.rawValue, value: .integer($0.value)) })),
        ]
    }

    /// Throws if a file is not what the manifest beside it says; a file without one is not judged.
    static func judge(_ backup: String) throws(StorageError) {
        guard let data = FileManager.default.contents(atPath: path(of: backup)) else { return }
        guard let expected = (try? JSONValue(parsing: Array(data)))?.object?["sha256"]?.string else {
            throw StorageError(
                .corrupt, "\(path(of: backup)) is no manifest of a backup; remove it if the backup is good")
        }
        guard try digest(of: backup) != expected else { return }
        throw StorageError(
            .corrupt, "\(backup) is not the file that its manifest describes: it was cut or changed; use another backup"
        )
    }

    /// SHA-256 of a file, in hexadecimal digits.
    static func digest(of path: String) throws(StorageError) -> String {
        var hash = SHA256()
        try PrivateFile.read(path) { (part) throws(StorageError) in hash.update(bufferPointer: part) }
        return Hex.encode(Array(hash.finalize()))
    }
}
