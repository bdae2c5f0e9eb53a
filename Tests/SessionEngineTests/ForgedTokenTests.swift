import TestSupport
import Testing

@testable import SessionEngine

@Suite("Forged access tokens (T01 to T08)")
struct ForgedTokenTests {
    private static func corpus(_ algorithm: SigningAlgorithm) throws -> [ForgedTokens.Case] {
        let key = try TestKeys.signingKey(algorithm)
        let valid = try AccessToken(signing: Sample.claims(.v5), with: key)
        let refresh = try RefreshTokenKey(masterKey: "any").encrypt(
            Sample.content(), initializationVector: .init(repeating: 7, count: 12))
        return try ForgedTokens(
            key: key, validToken: valid.exposed, refreshToken: refresh.exposed, now: Sample.now
        ).cases()
    }

    /// Both trusted keys, under different names, so that a forger may try one in place of the other.
    private static func trustedKeys(_ algorithm: SigningAlgorithm) throws -> VerificationKeys {
        let others = SigningAlgorithm.allCases.filter { $0 != algorithm }
        let keys = try [TestKeys.signingKey(algorithm)] + others.map { try TestKeys.signingKey($0, id: "s-other") }
        return VerificationKeys(keys.map(\.verificationKey))
    }

    private func check(_ forged: ForgedTokens.Case, _ algorithm: SigningAlgorithm) throws {
        let verdict = judge(forged.token, try Self.trustedKeys(algorithm), at: Sample.now)
        switch verdict {
        case .success: #expect(forged.isAcceptable, "accepted: \(forged.name)")
        case .failure(let problem): #expect(!forged.isAcceptable, "refused (\(problem)): \(forged.name)")
        }
    }

    @Test("Around an RS256 token every forgery is refused", arguments: try corpus(.rs256))
    func rs256(_ forged: ForgedTokens.Case) throws { try check(forged, .rs256) }

    @Test("Around an ES256 token every forgery is refused", arguments: try corpus(.es256))
    func es256(_ forged: ForgedTokens.Case) throws { try check(forged, .es256) }

    @Test(
        "The corpus is large, its names differ and the valid token is none of it", arguments: SigningAlgorithm.allCases)
    func size(_ algorithm: SigningAlgorithm) throws {
        let cases = try Self.corpus(algorithm)
        #expect(cases.count >= 150)
        #expect(Set(cases.map(\.name)).count == cases.count)
        #expect(cases.filter(\.isAcceptable).count < 10)
    }

    @Test("The token the corpus is made from is accepted", arguments: SigningAlgorithm.allCases)
    func valid(_ algorithm: SigningAlgorithm) throws {
        let (token, keys) = try Sample.signedToken(.v5, algorithm)
        #expect(throws: Never.self) { try judge(token, keys, at: Sample.now).get() }
    }

    @Test("An access token, or anything forged from one, is no refresh token", arguments: SigningAlgorithm.allCases)
    func notRefreshTokens(_ algorithm: SigningAlgorithm) throws {
        let key = RefreshTokenKey(masterKey: "any")
        let (valid, _) = try Sample.signedToken(.v5, algorithm)
        let tokens = try Self.corpus(algorithm).filter { $0.name != "T08 a refresh token" }.map(\.token)
        for token in tokens + [valid, valid + ".V2", "\(valid.prefix(80)).V2"] {
            #expect(throws: RefreshTokenProblem.self) { try key.open(RefreshToken(token)) }
        }
    }
}
