import Crypto
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("The successor of a refresh token")
struct SuccessorTests {
    static let key = RefreshTokenKey(masterKey: "1000:aa:bb")

    private func successor(
        of parent: RefreshTokenContent, hash: String = "R0", window: UInt8 = 0, count: RotationCount = 1,
        antiCSRF: Bool = false, key: RefreshTokenKey = key
    ) throws -> TokenIssue.RefreshPart {
        try TokenIssue.successor(
            of: parent, hash: Sample.hash(hash), window: window, count: count, usesAntiCSRF: antiCSRF, key: key)
    }

    @Test("it is the same, byte for byte, whoever makes it", arguments: [false, true])
    func sameForEverybody(antiCSRF: Bool) throws {
        let first = try successor(of: Sample.content(), antiCSRF: antiCSRF)
        let elsewhere = RefreshTokenKey(masterKey: "1000:aa:bb")
        let second = try successor(of: Sample.content(), antiCSRF: antiCSRF, key: elsewhere)
        #expect(first.token.exposed == second.token.exposed && first.hash == second.hash)
        #expect(first.antiCSRFToken?.exposed == second.antiCSRFToken?.exposed)
        #expect((first.antiCSRFToken == nil) == !antiCSRF)
    }

    /// Fixed, so that a later release gives the child that this one gave.
    @Test("it is what it was in the first release that derived it")
    func vector() throws {
        let part = try successor(of: Sample.content(), antiCSRF: true)
        #expect(part.hash.hex == Self.vectorHash)
        #expect(part.antiCSRFToken?.exposed == Self.vectorAntiCSRF)
    }
    static let vectorHash = "70ebd9030b0fc2d1c681c2e217f554068644ad1add0ed570ed0fa332431e66e4"
    static let vectorAntiCSRF = "4f0e45e6-98fc-47b9-9f53-bb3a7170b9e1"

    @Test(
        "whatever differs makes another successor, with another vector: R0, secret, window, count, restore, anti-CSRF token"
    )
    func differs() throws {
        let parts = [
            try successor(of: Sample.content()), try successor(of: Sample.content(), hash: "R1"),
            try successor(of: Sample.content(), antiCSRF: true), try successor(of: Sample.content(), window: 1),
            try successor(of: Sample.content(), count: 2),
            try successor(of: Sample.content(), count: RotationCount(restoreNumber: 1).successor()),
            try successor(of: Sample.content(), key: RefreshTokenKey(masterKey: "1000:aa:bc")),
            try successor(of: Sample.content(user: "u2")), try successor(of: Sample.content(tenant: TenantID("t"))),
        ]
        #expect(Set(parts.map(\.hash)).count == parts.count)
        #expect(Set(parts.map { $0.token.exposed.prefix(16) }).count == parts.count, "one vector, one plaintext")
    }

    @Test("with an anti-CSRF token it has another nonce, so that its count is told only with it")
    func nonce() throws {
        let nonces = try [false, true].map { antiCSRF in
            try Self.key.open(try successor(of: Sample.content(), antiCSRF: antiCSRF).token).nonce
        }
        #expect(nonces[0] != nonces[1])
    }

    @Test("it opens as any token does, and names its parent")
    func opens() throws {
        let parent = Sample.content(user: "u2", tenant: TenantID("t1"))
        let part = try successor(of: parent, antiCSRF: true)
        let content = try Self.key.open(part.token)
        #expect(
            content.handle == parent.handle && content.userID == parent.userID && content.tenantID == parent.tenantID)
        #expect(content.parentHash == Sample.hash("R0"))
        #expect(content.antiCSRFToken?.exposed == part.antiCSRFToken?.exposed)
        #expect(
            content.nonce.utf8.count == 64 && content.nonce.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) })
        let uuid = try #require(part.antiCSRFToken?.exposed)
        #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    }

    /// Counts with their bytes at the end of the nonce, after the window.
    static let counts: [(RotationCount, UInt8, String)] = [
        (1, 0, "000000000001"), (300, 6, "06000000012c"),
        (RotationCount(restoreNumber: 254).successor(), 255, "fffe00000001"),
        (RotationCount(stored: .max), 3, "03feffffffff"),
    ]

    @Test("it tells its window and its count, which nobody can change", arguments: counts, [false, true])
    func count(row: (count: RotationCount, window: UInt8, bytes: String), antiCSRF: Bool) throws {
        let part = try successor(of: Sample.content(), window: row.window, count: row.count, antiCSRF: antiCSRF)
        var content = try Self.key.open(part.token)
        #expect(content.nonce.hasSuffix(row.bytes))
        #expect(Self.key.rotationCount(of: content) == row.count)
        // Finding R1, flaw F15: the window and the count are part of what is derived.
        for place in 0..<12 {
            var digits = Array(content.nonce.utf8)
            digits[52 + place] = digits[52 + place] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            let changed = String(decoding: digits, as: UTF8.self)
            let original = content.nonce
            content.nonce = changed
            #expect(Self.key.rotationCount(of: content) == nil, "digit \(place)")
            content.nonce = original
        }
    }

    @Test("a session's first token has the count 0, and one with a random ancestor does not tell")
    func unknownCount() throws {
        #expect(Self.key.rotationCount(of: Sample.content()) == 0)
        var random = SplitMix64(seed: 3)
        let part = try TokenIssue.refreshPart(
            handle: Sample.handle, userID: UserID("u1"), tenantID: .public, parent: Sample.hash("R0"),
            usesAntiCSRF: false, key: Self.key, using: &random)
        let child = try Self.key.open(part.token)
        #expect(Self.key.rotationCount(of: child) == nil)
        let grandchild = try successor(of: child, hash: "R1", count: 9)
        #expect(Self.key.rotationCount(of: try Self.key.open(grandchild.token)) == 9, "the row's count is told")
    }

    @Test("ten thousand tokens in a row have as many vectors and nonces")
    func noRepeats() throws {
        var content = Sample.content()
        var vectors: Set<[UInt8]> = []
        var nonces: Set<String> = []
        for number in 0..<10_000 {
            content = Self.key.successor(
                of: content, hash: Sample.hash("R\(number)"), window: UInt8(number % 7),
                count: RotationCount(stored: Int64(number)), usesAntiCSRF: number % 2 == 0)
            vectors.insert(Self.key.derivedInitializationVector(for: content.plaintext))
            nonces.insert(content.nonce)
        }
        #expect(vectors.count == 10_000 && nonces.count == 10_000)
    }
}
