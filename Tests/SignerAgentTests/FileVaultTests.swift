import Foundation
import Foundations
import SessionEngine
import SessionService
import TestSupport
import Testing

@testable import SignerAgent

@Suite struct FileVaultTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_123)
    private static let secret = String(repeating: "ab", count: 32)

    private func vault(_ path: String, _ secret: String = FileVaultTests.secret) throws -> FileVault {
        try FileVault(path: path, encryption: KeyEncryption(secret))
    }

    /// Makes and keeps a key, and closes the file again.
    private func kept(_ algorithm: SigningAlgorithm, at path: String) throws -> VaultKey {
        let vault = try vault(path)
        var key = try vault.generate(algorithm, at: Self.now)
        #expect(!FileManager.default.fileExists(atPath: path), "one in reserve is not kept")
        key.id = KeyID("d-5")
        try vault.keep(key)
        return key
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `Keys are there after a restart, and their file shows nothing of them`(algorithm: SigningAlgorithm) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/keys"
        let key = try kept(algorithm, at: path)
        #expect(try folder.mode(of: "keys") == 0o600)
        do {
            let again = try vault(path)
            let found = try again.keys()
            #expect(found.map(\.id) == [key.id] && found.map(\.createdAt) == [Self.now])
            let input = Array("input".utf8)
            let signature = try again.sign([input], with: try #require(found.first))[0]
            let half = VerificationKey(id: try #require(KeyID("d-5")), publicKey: key.publicKey)
            #expect(half.accepts(signature, over: input))
            let text = try String(contentsOfFile: path, encoding: .utf8)
            // The mark of an encrypted value in hexadecimal digits, and none of a private key in DER.
            #expect(text.contains(#""key":"54534b32"#) && text.contains("d-5"))
            #expect(throws: VaultError.self, "one signer at a time") { try vault(path) }
            try again.delete(key)
        }
        #expect(try vault(path).keys().isEmpty)
    }

    @Test func `Another key-encryption key, none, a changed line and a file that others may read are errors`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/keys"
        _ = try kept(.es256, at: path)
        func problem(_ secret: String = FileVaultTests.secret) throws -> String {
            let error = #expect(throws: VaultError.self) { try vault(path, secret) }
            return try #require(error).description
        }
        #expect(try !problem(String(repeating: "cd", count: 32)).contains("locked"))
        #expect(throws: VaultError.self) { try FileVault(path: path, encryption: nil) }
        try folder.setMode(0o640, of: "keys")
        #expect(try problem().contains("chmod 600"))
        try folder.setMode(0o600, of: "keys")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for changed in [text.replacingOccurrences(of: "d-5", with: "d-6"), "nonsense\n", text + "{}\n"] {
            try Data(changed.utf8).write(to: URL(fileURLWithPath: path))
            try folder.setMode(0o600, of: "keys")
            #expect(try !problem().contains("locked"))
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try vault(path).keys().count == 1, "the control")
    }

    @Test func `A key that cannot be written is not kept`() throws {
        let folder = try TemporaryFolder()
        let place = folder.path + "/gone"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        let first = try vault(place + "/keys")
        try FileManager.default.removeItem(atPath: place)
        var key = try first.generate(.es256, at: Self.now)
        key.id = KeyID("d-5")
        #expect(throws: VaultError.self) { try first.keep(key) }
    }
}
