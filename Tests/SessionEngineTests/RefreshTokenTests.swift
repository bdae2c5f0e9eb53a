import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Refresh tokens (docs/specification/core.md 3)")
struct RefreshTokenTests {
    private static let key = RefreshTokenKey(masterKey: "1000:79a6cbeb:d305504825a1b109")

    private static func token() throws -> String {
        try key.encrypt(Sample.content(parent: "R0"), initializationVector: .init(repeating: 3, count: 12)).exposed
    }

    @Test("OB24: the name of a session for traces")
    func logName() {
        let handle = SessionHandle("0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11")
        #expect(RefreshTokenKey.logName(of: handle, key: Array(0...31)) == "6e884eeb20ca1435")
        #expect(Self.key.logName(of: handle) == Self.key.logName(of: handle))
        #expect(Self.key.logName(of: handle) != RefreshTokenKey(masterKey: "another").logName(of: handle))
        #expect(Self.key.logName(of: handle) != Self.key.logName(of: SessionHandle("another")))
    }

    @Test("All members come back", arguments: [nil, "R0"], [nil, "anti"])
    func roundTrip(_ parent: String?, _ antiCSRFToken: String?) throws {
        for (user, tenant) in [("u1", TenantID.public), ("", TenantID("t1")), ("é\"\\\u{2028}😀", .public)] {
            let content = Sample.content(parent: parent, antiCSRFToken: antiCSRFToken, user: user, tenant: tenant)
            let token = try Self.key.encrypt(content, initializationVector: .init(repeating: 1, count: 12))
            let read = try Self.key.open(token)
            #expect(read.plaintext == content.plaintext)
            #expect(read.parentHash == content.parentHash)
            #expect(read.antiCSRFToken?.exposed == antiCSRFToken)
            #expect(read.tenantID == tenant && read.userID == UserID(user) && read.handle == Sample.handle)
        }
    }

    @Test("Members come in order; null and the public tenant are left out")
    func members() throws {
        let small = try #require(try JSONValue(parsing: Sample.content().plaintext).object)
        #expect(small.names == ["sessionHandle", "userId", "nonce"])
        let content = Sample.content(parent: "R", antiCSRFToken: "c", tenant: TenantID("t"))
        let full = try #require(try JSONValue(parsing: content.plaintext).object)
        #expect(
            full.names == ["sessionHandle", "userId", "parentRefreshTokenHash1", "nonce", "antiCsrfToken", "tenantId"])
    }

    @Test("A vector of another length seals nothing", arguments: [0, 1, 11, 13, 16])
    func vectorLength(_ length: Int) {
        #expect(throws: SigningError.cryptographyFailed) {
            try Self.key.encrypt(Sample.content(), initializationVector: .init(repeating: 1, count: length))
        }
    }

    @Test("Another master key opens nothing")
    func otherKey() throws {
        let token = RefreshToken(try Self.token())
        #expect(throws: RefreshTokenProblem.notAuthentic) { try RefreshTokenKey(masterKey: "key2").open(token) }
        #expect(throws: RefreshTokenProblem.notAuthentic) { try RefreshTokenKey(masterKey: "").open(token) }
    }

    static let problems: [(String, RefreshTokenProblem)] = [
        ("", .unknownVersion), ("abc", .unknownVersion), ("x.V9", .unknownVersion), ("a.b.V3", .unknownVersion),
        ("a.b.V2 ", .unknownVersion), ("a.b.", .unknownVersion), ("a.b.V22", .unknownVersion),
        ("V2", .wrongPartCount(1)),
        ("x.V2", .wrongPartCount(2)), ("a.b.c.V2", .wrongPartCount(4)),
        ("a_b=.n.V2", .notBase64(foreignCharacter: 0x5F)),
        ("YQ.n.V2", .notBase64(foreignCharacter: nil)), ("Y Q=.n.V2", .notBase64(foreignCharacter: 0x20)),
        ("YR==.n.V2", .notBase64(foreignCharacter: nil)), (".n.V2", .tooShort), ("YWJj.n.V2", .tooShort),
        ("AAAAAAAAAAAAAAA=.n.V2", .tooShort), ("AAAAAAAAAAAAAAAA.n.V2", .notAuthentic),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==.n.V2", .notAuthentic),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.n.V2", .notAuthentic),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.n.v0", .unknownVersion),
    ]

    @Test("Each kind of junk has its answer (docs/specification/core.md 3.3)", arguments: problems)
    func junk(_ text: String, _ problem: RefreshTokenProblem) {
        #expect(throws: problem) { try Self.key.open(RefreshToken(text)) }
    }

    @Test("A token under another nonce is refused", arguments: ["", "0a", "x", String(repeating: "0b", count: 32)])
    func otherNonce(_ nonce: String) throws {
        let sealed = try Self.token().split(separator: ".")[0]
        #expect(throws: RefreshTokenProblem.inconsistent) {
            try Self.key.open(RefreshToken("\(sealed).\(nonce).V2"))
        }
    }

    @Test("100 kB of anything is refused", arguments: ["A", ".", "=", "V2", ".V2", "é", "\u{0}"])
    func large(_ unit: String) {
        let text = String(repeating: unit, count: 100_000 / unit.utf8.count)
        for suffix in ["", ".V2", ".n.V2"] {
            #expect(throws: RefreshTokenProblem.self) { try Self.key.open(RefreshToken(text + suffix)) }
        }
    }

    @Test(
        "Content that lacks a member or has a wrong one is not taken",
        arguments: [
            "{}", "[]", "", "{\"userId\":\"u\",\"nonce\":\"n\"}", "{\"sessionHandle\":\"h\",\"nonce\":\"n\"}",
            "{\"sessionHandle\":\"h\",\"userId\":\"u\"}", "{\"sessionHandle\":1,\"userId\":\"u\",\"nonce\":\"n\"}",
            "{\"sessionHandle\":\"h\",\"userId\":\"u\",\"nonce\":\"n\",\"parentRefreshTokenHash1\":\"short\"}",
            "{\"sessionHandle\":\"h\",\"userId\":\"u\",\"nonce\":\"n\",\"parentRefreshTokenHash1\":1}",
            "{\"sessionHandle\":\"h\",\"userId\":\"u\",\"nonce\":\"n\",\"antiCsrfToken\":false}",
            "{\"sessionHandle\":\"h\",\"userId\":\"u\",\"nonce\":\"n\",\"tenantId\":null}",
        ])
    func content(_ text: String) {
        #expect(RefreshTokenContent(plaintext: Array(text.utf8)) == nil)
    }

    @Test("A new master key has the cores' form and differs each time")
    func masterKeys() throws {
        var random = SplitMix64(seed: 4)
        let keys = try (0..<3).map { _ in try RefreshTokenKey.make(using: &random).masterKey }
        for key in keys {
            let parts = key.split(separator: ":")
            #expect(key.utf8.count == 262 && parts.map(\.utf8.count) == [4, 128, 128] && parts[0] == "1000")
        }
        #expect(Set(keys).count == 3)
    }

    @Test("New tokens differ in everything that has to differ (T10)")
    func newTokens() throws {
        var random = SplitMix64(seed: 5)
        let parts = try (0..<20).map { _ in
            try TokenIssue.refreshPart(
                handle: Sample.handle, userID: UserID("u"), tenantID: .public, parent: nil, usesAntiCSRF: true,
                key: Self.key, using: &random)
        }
        let contents = try parts.map { try Self.key.open($0.token) }
        #expect(Set(parts.map(\.hash)).count == 20)
        #expect(Set(parts.map { $0.token.exposed.prefix(16) }).count == 20)
        #expect(Set(contents.map(\.nonce)).count == 20)
        #expect(Set(contents.compactMap { $0.antiCSRFToken?.exposed }).count == 20)
        #expect(contents.allSatisfy { $0.nonce.utf8.count == 64 })
        #expect(zip(parts, contents).allSatisfy { $0.antiCSRFToken?.exposed == $1.antiCSRFToken?.exposed })
    }

    @Test("Neither a token nor a key nor an anti-CSRF token prints itself")
    func redaction() throws {
        let token = RefreshToken(try Self.token())
        var dumped = ""
        dump(token, to: &dumped)
        dump(Self.key, to: &dumped)
        dump(AntiCSRFToken("secret-value"), to: &dumped)
        dumped += "\(token) \(Self.key) \(AntiCSRFToken("secret-value"))"
        for secret in [token.exposed, Self.key.masterKey, "secret-value"] { #expect(!dumped.contains(secret)) }
    }
}
