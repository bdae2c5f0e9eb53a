import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Tokens recorded from real cores")
struct RecordedTokenTests {
    @Test("There are 68 of them")
    func count() throws {
        #expect(try Vectors.load().recorded.count == 68)
    }

    @Test("Each verifies with its key and says what it was recorded to say", arguments: try Vectors.load().recorded)
    func verifies(_ recorded: TokenVectors.Recorded) throws {
        let token = try UnverifiedAccessToken(recorded.accessToken)
        let claims = try token.claims(verifiedBy: VerificationKeys([recorded.key]))
        #expect(String(claims.format.rawValue) == recorded.tokenVersion)
        #expect(claims.userID == UserID("user-1"))
        #expect(claims.tenantID == .public)
        #expect(claims.handle.rawValue.utf8.count == 36)
        #expect(claims.expiresAt.wholeSeconds - claims.issuedAt.wholeSeconds <= 3_601)
        #expect(claims.issuedAt < claims.expiresAt)
        if let refreshToken = recorded.refreshToken {
            #expect(claims.refreshTokenHash == TokenHash(of: RefreshToken(refreshToken)))
        }
    }

    @Test("Each keeps its whole payload through our claims", arguments: try Vectors.load().recorded)
    func payloadSurvives(_ recorded: TokenVectors.Recorded) throws {
        let token = try UnverifiedAccessToken(recorded.accessToken)
        let claims = try token.claims(verifiedBy: VerificationKeys([recorded.key]))
        var original = try #require(token.object)
        if claims.format.isLegacy {
            original["lmrt"] = nil
            for name in original.names where original[name] == .null { original[name] = nil }
        }
        let written = try #require(try JSONValue(parsing: claims.payload()).object)
        #expect(written.isEquivalent(to: original), "\(written.text) is not \(original.text)")
    }

    @Test("None verifies with the key of another core", arguments: try Vectors.load().recorded)
    func otherKeysRefuse(_ recorded: TokenVectors.Recorded) throws {
        let own = try RecordedKey(recorded.key)
        let others = try Vectors.load().recorded.filter { try RecordedKey($0.key) != own }.map(\.key)
        #expect(!others.isEmpty)
        let token = try UnverifiedAccessToken(recorded.accessToken)
        let problem = #expect(throws: AccessTokenProblem.self) {
            try token.claims(verifiedBy: VerificationKeys(others))
        }
        let isLegacy = recorded.tokenVersion == "2"
        #expect(problem == (isLegacy ? .signatureInvalid : .unknownKey))
    }

    @Test("None is accepted after its expiry", arguments: try Vectors.load().recorded)
    func expires(_ recorded: TokenVectors.Recorded) throws {
        let keys = VerificationKeys([recorded.key])
        let claims = try UnverifiedAccessToken(recorded.accessToken).claims(verifiedBy: keys)
        let justBefore = claims.expiresAt + Milliseconds(-1)
        #expect(throws: Never.self) { try judge(recorded.accessToken, keys, at: justBefore).get() }
        #expect(throws: AccessTokenProblem.expired) {
            try judge(recorded.accessToken, keys, at: claims.expiresAt).get()
        }
    }
}

/// What makes two recorded keys the same.
private struct RecordedKey: Equatable {
    let spki: String

    init(_ key: VerificationKey) throws {
        spki = key.spkiBase64
    }
}
