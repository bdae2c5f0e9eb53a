import Crypto
import CryptoExtras
package import Foundations
import LosslessJSON
import PlatformLibC
package import SessionEngine
package import SessionService
import SessionStorage
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Keys in the memory of the signer, and encrypted in a file of its own; without a file they end with the process.
package final class FileVault: KeyVault {
    private struct Held {
        let privateKey: PrivateSigningKey
        let signing: SigningKey
        var key: VaultKey
    }

    private let path: String?
    private let encryption: KeyEncryption?
    private let state = Mutex<[SignerKeyName: Held]>([:])
    /// One change of the file after the other; signatures do not wait for it.
    private let changes = Mutex(())
    private let signers: RSASigners
    /// Whether there was no file yet.
    package let isNew: Bool
    /// Held for as long as the vault is there, so that no other signer writes the file.
    private let lock: FileLock?
    /// What the keys are encrypted for beside their own names.
    private static let app = AppID("tessera-signer")

    /// Opens the keys of a file, or none where it does not exist.
    ///
    /// - Parameters:
    ///   - path: the file; `nil` keeps the keys in memory alone.
    ///   - encryption: what encrypts them in the file.
    ///   - signers: by which library RSA keys sign.
    /// - Throws: ``VaultError`` for a file that cannot be read.
    package init(
        path: String?, encryption: KeyEncryption?, signers: RSASigners = RSASigners()
    ) throws(VaultError) {
        (self.path, self.encryption, self.signers) = (path, encryption, signers)
        if path != nil, encryption == nil { throw VaultError("keys in a file need a key-encryption key") }
        lock = try path.map { path throws(VaultError) in try FileLock(path + ".lock", of: "these keys") }
        guard let path, let encryption else {
            isNew = false
            return
        }
        guard let lines = try Self.lines(of: path) else {
            isNew = true
            return
        }
        isNew = false
        for line in lines {
            let record: SigningKeyRecord
            do throws(StorageError) {
                record = try encryption.decrypt(try Self.record(line, path), of: Self.app)
            } catch {
                throw VaultError("\(path): \(error.detail)")
            }
            guard
                let privateKey = try? PrivateSigningKey(storedBytes: record.privateKeyDER, algorithm: record.algorithm)
            else { throw VaultError("\(path): the key \(record.id.rawValue) cannot be read") }
            _ = hold(privateKey, id: record.id, at: record.createdAt)
        }
    }

    package var place: String { path.map { "the file \($0)" } ?? "memory" }

    package func keys() throws(VaultError) -> [VaultKey] { state.withLock { $0.values.map(\.key) } }

    package func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        switch algorithm {
        case .es256: return hold(.p256(P256.Signing.PrivateKey()), id: nil, at: now)
        case .rs256:
            guard let key = try? _RSA.Signing.PrivateKey(keySize: .bits2048) else {
                throw VaultError("an RSA key could not be made")
            }
            return hold(.rsa(key), id: nil, at: now)
        }
    }

    private func hold(_ privateKey: PrivateSigningKey, id: KeyID?, at now: Timestamp) -> VaultKey {
        let key = VaultKey(privateKey.publicKey, id: id, createdAt: now)
        guard let name = KeyID("k") else { return key }
        // The name is not signed with: the core has made the header.
        let signing = signers.opened(SigningKey(id: name, kind: .static, createdAt: now, privateKey: privateKey))
        state.withLock { $0[key.name] = Held(privateKey: privateKey, signing: signing, key: key) }
        return key
    }

    package func keep(_ key: VaultKey) throws(VaultError) {
        try change { $0[key.name]?.key = key }
    }

    package func delete(_ key: VaultKey) throws(VaultError) {
        // One in reserve is in no file.
        guard key.id != nil else { return state.withLock { $0[key.name] = nil } }
        try change { $0[key.name] = nil }
    }

    package func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        guard let signing = state.withLock({ $0[key.name]?.signing }) else {
            throw VaultError("the key is gone")
        }
        var signatures: [[UInt8]] = []
        for input in inputs {
            do throws(SigningError) { signatures.append(try signing.signature(over: input)) } catch {
                throw VaultError("the cryptographic library refused")
            }
        }
        return signatures
    }

    // MARK: The file

    /// Changes the keys, once the file has them.
    private func change(_ body: @Sendable (inout [SignerKeyName: Held]) -> Void) throws(VaultError) {
        let result = changes.withLock { _ -> Result<Void, VaultError> in
            var next = state.withLock { $0 }
            body(&next)
            do throws(VaultError) { try write(next.values.filter { $0.key.id != nil }) } catch {
                return .failure(error)
            }
            state.withLock { body(&$0) }
            return .success(())
        }
        try result.get()
    }

    private func write(_ keys: [Held]) throws(VaultError) {
        guard let path, let encryption else { return }
        var text = ""
        for held in keys.sorted(by: { $0.key.createdAt < $1.key.createdAt }) {
            guard let record = Self.record(held) else { continue }
            do throws(StorageError) { text += Self.line(try encryption.encrypt(record, of: Self.app)) } catch {
                throw VaultError(error.detail)
            }
        }
        try Self.replace(path, by: Array(text.utf8))
    }

    private static func record(_ held: Held) -> SigningKeyRecord? {
        guard let id = held.key.id else { return nil }
        return SigningKeyRecord(
            id: id, kind: kind(of: id), algorithm: held.privateKey.algorithm, createdAt: held.key.createdAt,
            privateKeyDER: held.privateKey.storedBytes)
    }

    private static func kind(of id: KeyID) -> SigningKeyKind { id.rawValue.hasPrefix("d-") ? .dynamic : .static }

    private static func line(_ record: SigningKeyRecord) -> String {
        let line: JSONObject = [
            "kid": .string(record.id.rawValue), "alg": .string(record.algorithm.rawValue),
            "created": .integer(record.createdAt.milliseconds), "key": .string(Hex.encode(record.privateKeyDER)),
        ]
        return String(decoding: line.serialized(), as: UTF8.self) + "\n"
    }

    private static func record(_ line: String, _ path: String) throws(StorageError) -> SigningKeyRecord {
        guard let object = try? JSONValue(parsing: Array(line.utf8)).object,
            let id = object["kid"]?.string.flatMap(KeyID.init),
            let algorithm = object["alg"]?.string.flatMap(SigningAlgorithm.init),
            let created = object["created"]?.number.flatMap({ Int64($0.text) }),
            let bytes = object["key"]?.string.flatMap({ Hex.decode($0) })
        else { throw StorageError(.corrupt, "a line is no key; put back a copy of the file") }
        return SigningKeyRecord(
            id: id, kind: kind(of: id), algorithm: algorithm, createdAt: Timestamp(milliseconds: created),
            privateKeyDER: bytes)
    }

    private static func lines(of path: String) throws(VaultError) -> [String]? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw VaultError("\(path) cannot be read: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0,
            status.st_uid == getuid()
        else { throw VaultError("\(path) has to be a file that only this user may read (chmod 600)") }
        var (bytes, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count > 0 { bytes += chunk[..<count] }
            if count == 0 { break }
            guard count > 0 || errno == EINTR else {
                throw VaultError("\(path) cannot be read: \(String(cString: strerror(errno)))")
            }
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Replaces a file as a whole: a crash leaves one of the two.
    private static func replace(_ path: String, by bytes: [UInt8]) throws(VaultError) {
        let new = path + ".new"
        unlink(new)
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw VaultError("\(new) cannot be written: \(String(cString: strerror(errno)))") }
        var (written, isWritten) = (0, true)
        while isWritten, written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { PlatformLibC.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else { isWritten = errno == EINTR }
        }
        isWritten = fsync(descriptor) == 0 && isWritten
        close(descriptor)
        guard isWritten, rename(new, path) == 0 else {
            unlink(new)
            throw VaultError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        // Only then is the new file there after a loss of power.
        let folder = open(
            path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/" : ".", O_RDONLY)
        let isKept = folder >= 0 && fsync(folder) == 0
        if folder >= 0 { close(folder) }
        guard isKept else {
            throw VaultError("the folder of \(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}
