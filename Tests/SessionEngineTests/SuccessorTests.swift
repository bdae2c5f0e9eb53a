import Crypto
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("The successor of a refresh token")
struct SuccessorTests {
    static let key = RefreshTokenKey(masterKey: "1000:aa:bb")

    private func successor(
        of parent: RefreshTokenContent, hash: String = "R0", antiCSRF: Bool = false, key: RefreshTokenKey = key
    ) throws -> TokenIssue.RefreshPart {
        try TokenIssue.successor(of: parent, hash: Sample.hash(hash), usesAntiCSRF: antiCSRF, key: key)
    }

    @Test("it is the same, byte for byte, whoever makes it", arguments: [false, true])
    func sameForEverybody(antiCSRF: Bool) throws {
        let first = try successor(of: Sample.content(), antiCSRF: antiCSRF)
        let elsewhere = RefreshTokenKey(masterKey: "1000:aa:bb")
        let second = try successor(of: Sample.content(), antiCSRF: antiCSRF, key: elsewhere)
        #expect(first.token.text == second.token.text && first.hash == second.hash)
        #expect(first.antiCSRFToken?.text == second.antiCSRFToken?.text)
        #expect((first.antiCSRFToken == nil) == !antiCSRF)
    }

    /// Fixed, so that a later release gives the child that this one gave.
    @Test("it is what it was in the first release that derived it")
    func vector() throws {
        let part = try successor(of: Sample.content(), antiCSRF: true)
        #expect(part.hash.hex == Self.vectorHash)
        #expect(part.antiCSRFToken?.text == Self.vectorAntiCSRF)
    }
    static let vectorHash = "b64d62f144da5d59a79a3c9f146cd08568e14b68659532c86d602b046745c493"
    static let vectorAntiCSRF = "0658fc9d-8d74-44c1-b7ca-8453d5671e21"

    @Test("another parent, another secret or an anti-CSRF token make another successor, with another vector")
    func differs() throws {
        let parts = [
            try successor(of: Sample.content()), try successor(of: Sample.content(), hash: "R1"),
            try successor(of: Sample.content(), antiCSRF: true),
            try successor(of: Sample.content(), key: RefreshTokenKey(masterKey: "1000:aa:bc")),
            try successor(of: Sample.content(user: "u2")), try successor(of: Sample.content(tenant: TenantID("t"))),
        ]
        #expect(Set(parts.map(\.hash)).count == parts.count)
        #expect(Set(parts.map { $0.token.text.prefix(16) }).count == parts.count, "one vector, one plaintext")
    }

    @Test("it opens as any token does, and names its parent")
    func opens() throws {
        let parent = Sample.content(user: "u2", tenant: TenantID("t1"))
        let part = try successor(of: parent, antiCSRF: true)
        let content = try Self.key.open(part.token)
        #expect(
            content.handle == parent.handle && content.userID == parent.userID && content.tenantID == parent.tenantID)
        #expect(content.parentHash == Sample.hash("R0"))
        #expect(content.antiCSRFToken?.text == part.antiCSRFToken?.text)
        #expect(
            content.nonce.utf8.count == 64 && content.nonce.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) })
        let uuid = try #require(part.antiCSRFToken?.text)
        #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    }

    @Test("it counts the rotations of its session", arguments: [false, true])
    func generations(antiCSRF: Bool) throws {
        var content = Sample.content()
        #expect(Self.key.generation(of: content) == 0)
        for expected in 1...300 as ClosedRange<Int64> {
            let part = try TokenIssue.successor(
                of: content, hash: Sample.hash("R\(expected)"), usesAntiCSRF: antiCSRF, key: Self.key)
            content = try Self.key.open(part.token)
            #expect(Self.key.generation(of: content) == expected)
        }
    }

    @Test("a token with a random ancestor does not pretend to know its count")
    func unknownGeneration() throws {
        var random = SplitMix64(seed: 3)
        let part = try TokenIssue.refreshPart(
            handle: Sample.handle, userID: UserID("u1"), tenantID: .public, parent: Sample.hash("R0"),
            usesAntiCSRF: false, key: Self.key, using: &random)
        let child = try Self.key.open(part.token)
        #expect(Self.key.generation(of: child) == nil)
        let grandchild = try successor(of: child, hash: "R1")
        #expect(Self.key.generation(of: try Self.key.open(grandchild.token)) == nil)
    }

    @Test("ten thousand tokens in a row have as many vectors and nonces")
    func noRepeats() throws {
        var content = Sample.content()
        var vectors: Set<[UInt8]> = []
        var nonces: Set<String> = []
        for number in 0..<10_000 {
            content = Self.key.successor(of: content, hash: Sample.hash("R\(number)"), usesAntiCSRF: number % 2 == 0)
            vectors.insert(Self.key.derivedVector(for: content.plaintext))
            nonces.insert(content.nonce)
        }
        #expect(vectors.count == 10_000 && nonces.count == 10_000)
    }
}
