import TestSupport
import Testing

@testable import SessionEngine

@Suite("Every small damage of a valid token (T06)")
struct MutationTests {
    @Test("No damaged access token is accepted", arguments: AccessTokenFormat.allCases)
    func accessTokens(_ format: AccessTokenFormat) throws {
        let (token, keys) = try Sample.signedToken(format)
        try expectRefusals(of: token, keys)
    }

    @Test("No damaged ES256 access token is accepted")
    func es256() throws {
        let (token, keys) = try Sample.signedToken(.v5, .es256)
        try expectRefusals(of: token, keys)
    }

    private func expectRefusals(of token: String, _ keys: VerificationKeys) throws {
        #expect(throws: Never.self) { try judge(token, keys, at: Sample.now).get() }
        let accepted = ByteMutations(of: token).all.filter { mutation in
            if case .success = judge(mutation.text, keys, at: Sample.now) { true } else { false }
        }
        #expect(accepted.isEmpty, "accepted: \(accepted.map(\.description))")
    }

    @Test("A damaged refresh token is refused, or its hash is another one")
    func refreshTokens() throws {
        let key = RefreshTokenKey(masterKey: "1000:a:b")
        let vector = [UInt8](repeating: 9, count: 12)
        let token = try key.seal(Sample.content(parent: "R0", antiCSRFToken: "c"), initializationVector: vector)
        let opened = ByteMutations(of: token.text).all.filter { mutation in
            (try? key.open(RefreshToken(mutation.text))) != nil
        }
        let suffixes = opened.map { $0.text.suffix(3) }
        #expect(Set(suffixes) == [".v2", ".V0"], "opened: \(opened.map(\.description))")
        for mutation in opened {
            #expect(mutation.text.dropLast(3) == token.text.dropLast(3), "\(mutation)")
            #expect(TokenHash(of: RefreshToken(mutation.text)) != TokenHash(of: token), "\(mutation)")
        }
    }

    @Test("Another suffix opens and can only end as reuse", arguments: [".V1", ".V0", ".v2", ".v1"])
    func suffixes(_ suffix: String) throws {
        let key = RefreshTokenKey(masterKey: "1000:a:b")
        let token = try key.seal(Sample.content(), initializationVector: .init(repeating: 9, count: 12))
        let renamed = RefreshToken(token.text.dropLast(3) + suffix)
        var record = Sample.record()
        record.currentTokenHash = TokenHash(of: token).stored
        let presented = Refresh.Presented(
            content: try key.open(renamed), hash: TokenHash(of: renamed), antiCSRFToken: nil)
        let decided = Refresh.decide(of: presented, against: record, at: Sample.now, rules: Sample.rules())
        #expect(decided.outcome == .reuse(.stale))
        #expect(decided.change == .remove)
    }
}
