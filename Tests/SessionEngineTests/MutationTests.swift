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

    @Test("finding R3: No damaged refresh token opens, another version suffix included")
    func refreshTokens() throws {
        let key = RefreshTokenKey(masterKey: "1000:a:b")
        let vector = [UInt8](repeating: 9, count: 12)
        let token = try key.encrypt(Sample.content(parent: "R0", antiCSRFToken: "c"), initializationVector: vector)
        #expect(throws: Never.self) { try key.open(token) }
        let opened = ByteMutations(of: token.exposed).all.filter { mutation in
            (try? key.open(RefreshToken(mutation.text))) != nil
        }
        #expect(opened.isEmpty, "opened: \(opened.map(\.description))")
    }

    @Test(
        "finding R3: Any suffix but V2 is no token",
        arguments: [".V1", ".V0", ".v2", ".v1", ".V3", ".V", "", ".V2 ", ".V02"])
    func suffixes(_ suffix: String) throws {
        let key = RefreshTokenKey(masterKey: "1000:a:b")
        let token = try key.encrypt(Sample.content(), initializationVector: .init(repeating: 9, count: 12))
        #expect(throws: RefreshTokenProblem.unknownVersion) {
            try key.open(RefreshToken(token.exposed.dropLast(3) + suffix))
        }
    }
}
