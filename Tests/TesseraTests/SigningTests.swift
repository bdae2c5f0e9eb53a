import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import SessionService
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Tokens that an application signs, and what discovery says")
struct SigningTests {
    /// The claims of a token.
    private static func claims(_ token: String) throws -> JSONObject {
        let parts = token.split(separator: ".")
        let bytes = try #require(Base64.url.decode(Array(parts[1].utf8)))
        return try #require(try JSONValue(parsing: bytes).object)
    }

    private static func life(_ token: String) throws -> Int64 {
        let claims = try claims(token)
        let texts = try [claims["exp"], claims["iat"]].map { try #require($0?.number?.text) }
        return try #require(Int64(texts[0])) - (try #require(Int64(texts[1])))
    }

    @Test("finding S14: a signed token lives an hour unless it is said, and a year at most")
    func life() async throws {
        let test = try await TestSessions()
        #expect(try Self.life(await test.sessions.sign(["a": 1])) == 3_600)
        for seconds in [1, 60, 86_400, 31_536_000, 366 * 86_400] as [Int64] {
            #expect(try Self.life(await test.sessions.sign(["a": 1], validity: .seconds(seconds))) == seconds)
        }
        for span in [
            Milliseconds(0), Milliseconds(999), .seconds(-1), .seconds(366 * 86_400 + 1), .seconds(3_153_600_000),
            .seconds(.max), Milliseconds(.min), Milliseconds(.max),
        ] {
            for usesStaticKey in [true, false] {
                let error = await #expect(throws: SessionError.self) {
                    try await test.sessions.sign(["a": 1], validity: span, usesStaticKey: usesStaticKey)
                }
                #expect(error?.code == .badInput && error?.reason.contains("validity") == true)
            }
        }
    }

    @Test("finding S14: a payload with an expiry of its own keeps the limits")
    func ownExpiry() async throws {
        let test = try await TestSessions()
        let now = test.clock.time.wholeSeconds
        #expect(try Self.life(await test.sessions.sign(["exp": .integer(now + 60)])) == 60)
        for expiry in [
            .integer(now), .integer(now - 1), .integer(now + 367 * 86_400), .integer(Int64.max), .integer(0),
            .integer(-5), "soon", .null,
            [], true, try JSONValue(parsing: Array("1e300".utf8)), try JSONValue(parsing: Array("-1e300".utf8)),
        ] as [JSONValue] {
            let error = await #expect(throws: SessionError.self) { try await test.sessions.sign(["exp": expiry]) }
            #expect(error?.code == .badInput && error?.reason.contains("'exp'") == true)
        }
    }

    @Test(
        "finding S11: discovery names the algorithm that signs", arguments: [SigningAlgorithm.rs256, .es256],
        [true, false])
    func discovery(algorithm: SigningAlgorithm, usesDynamicKeys: Bool) async throws {
        var configuration = SessionConfiguration()
        configuration.usesDynamicKeys = usesDynamicKeys
        let test = try await TestSessions(
            configuration: configuration, policy: SessionPolicy(signingAlgorithm: algorithm))
        let exchange = SessionExchange(
            request: HTTPRequest(
                method: .get, scheme: nil, authority: nil, path: "/auth/.well-known/openid-configuration"))
        let route = try #require(test.sessions.route(for: exchange.request))
        let reply = await test.sessions.answer(route, in: exchange)
        let object = try #require(try JSONValue(parsing: Array(reply.body.utf8)).object)
        #expect(object["id_token_signing_alg_values_supported"] == [.string(algorithm.rawValue)])
        // What it says is what is done.
        let token = try await test.signIn("u").session.accessToken
        let header = try #require(Base64.url.decode(Array(token.prefix { $0 != "." }.utf8)))
        #expect(try JSONValue(parsing: header).object?["alg"] == .string(algorithm.rawValue))
    }
}
