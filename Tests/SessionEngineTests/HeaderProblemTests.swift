import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

/// A header with what is wrong with it (docs/specification/core.md 2.6, step 3).
struct HeaderRow: Sendable, CustomTestStringConvertible {
    let header: String
    let problem: AccessTokenProblem

    var testDescription: String { header }
}

@Suite("Header checks, in the order of the cores")
struct HeaderProblemTests {
    static let rows = [
        HeaderRow(header: #"{"alg":"x","version":"9"}"#, problem: .headerLacks(.typ)),
        HeaderRow(header: #"{"typ":1,"alg":"x","version":"9"}"#, problem: .headerMismatch(.typ)),
        HeaderRow(header: #"{"typ":"abc","alg":"x","version":"9"}"#, problem: .headerMismatch(.typ)),
        HeaderRow(header: #"{"typ":"JWT","version":"9"}"#, problem: .headerLacks(.alg)),
        HeaderRow(header: #"{"typ":"JWT","alg":"random","version":"9"}"#, problem: .headerMismatch(.alg)),
        HeaderRow(header: #"{"typ":"JWT","alg":1,"version":"9"}"#, problem: .headerMismatch(.alg)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":5,"kid":1}"#, problem: .headerMismatch(.version)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":"1","kid":"k"}"#, problem: .headerMismatch(.version)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":"5"}"#, problem: .headerLacks(.kid)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":"5","kid":1}"#, problem: .headerMismatch(.kid)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":"5","kid":"a/b"}"#, problem: .headerMismatch(.kid)),
        HeaderRow(
            header: #"{"typ":"JWT","alg":"RS256","version":"5","kid":"k","crit":["exp"]}"#, problem: .headerNotAllowed),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":"5","kid":"k"}"#, problem: .unknownKey),
        HeaderRow(
            header: #"{"typ":"JWT","alg":"ES256","version":"5","kid":"d-1600000000000"}"#,
            problem: .headerMismatch(.alg)),
        HeaderRow(header: #"{"typ":"JWT","alg":"RS256","version":null,"kid":"k"}"#, problem: .headerMismatch(.version)),
        HeaderRow(header: #"["typ"]"#, problem: .headerUnreadable),
        HeaderRow(header: "junk", problem: .headerUnreadable),
    ]

    @Test("Each fault has its own answer", arguments: rows)
    func problems(_ row: HeaderRow) throws {
        let (token, keys) = try Sample.signedToken(.v5)
        let parts = token.split(separator: ".")
        let forged = "\(WireText.base64URL(row.header)).\(parts[1]).\(parts[2])"
        #expect(throws: row.problem) { try judge(forged, keys, at: Sample.now).get() }
    }

    @Test("A missing claim is named", arguments: ["iat", "exp", "sub", "tId", "rsub", "sessionHandle"])
    func missingClaims(_ name: String) throws {
        let key = try TestKeys.signingKey(.es256)
        var object = try #require(try payload(of: Sample.claims(.v5)))
        object[name] = nil
        let header = AccessTokenHeader(format: .v5, algorithm: .es256, keyID: key.id).encoded
        let input = header + Array(".".utf8) + Base64.url.encode(object.serialized())
        let signature = Base64.url.encode(try key.signature(over: input))
        let token = String(decoding: input + Array(".".utf8) + signature, as: UTF8.self)
        #expect(throws: AccessTokenProblem.missingClaim(name)) {
            try judge(token, VerificationKeys([key.verificationKey]), at: Sample.now).get()
        }
    }
}

/// The payload that claims are written as.
func payload(of claims: AccessTokenClaims) throws -> JSONObject? {
    try JSONValue(parsing: claims.payload()).object
}
