import CoreServer
import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// The corpus of forged tokens against the interface, at both depths: the documented refusal and never a status of 500.
struct LiveForgeryTests {
    /// A storage that already has a key, so that the forger knows all that is public about it.
    private static func storage(with key: SigningKey) async throws -> InMemorySessionStorage {
        let storage = InMemorySessionStorage()
        let record = SigningKeyRecord(key)
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [record]) }
        return storage
    }

    private static func body(_ name: String, _ token: String) -> String {
        let fields: JSONObject = [
            name: .string(token), "doAntiCsrfCheck": false, "enableAntiCsrf": false, "checkDatabase": false,
            "useDynamicSigningKey": true,
        ]
        return fields.text
    }

    /// The status that a slot answers to what is not its token.
    static let slots = [
        ("/recipe/session/verify", "accessToken", "TRY_REFRESH_TOKEN"),
        ("/recipe/session/regenerate", "accessToken", "UNAUTHORISED"),
        ("/recipe/session/refresh", "refreshToken", "UNAUTHORISED"),
    ]

    @Test(
        "no forged token gets in anywhere, and none makes the core fail",
        arguments: Depth.allCases, SigningAlgorithm.allCases)
    func corpus(depth: Depth, algorithm: SigningAlgorithm) async throws {
        let now = ClockAndRandomness.system.time()
        let key = try TestKeys.signingKey(algorithm, id: "d-\(now.milliseconds)", createdAt: now.milliseconds)
        let policy = SessionPolicy(signingAlgorithm: algorithm)
        try await Core.run(depth, policy: policy, storage: try await Self.storage(with: key)) { core in
            let create: JSONObject = [
                "userId": "u", "userDataInJWT": [:], "userDataInDatabase": [:], "enableAntiCsrf": false,
            ]
            let created = try await core.send("POST", "/recipe/session", create.text)
            let document = try #require(try JSONValue(parsing: created.body).object)
            let forged = try ForgedTokens(
                key: key, validToken: document["accessToken"]?.object?["token"]?.string ?? "",
                refreshToken: document["refreshToken"]?.object?["token"]?.string ?? "", now: now)
            let cases = try forged.cases().filter { !$0.isAcceptable }
            #expect(cases.count >= 150)
            var signedAndExpired: Set<String> = []
            for (path, field, status) in Self.slots {
                for forgery in cases where !(field == "refreshToken" && forgery.name == "T08 a refresh token") {
                    // A token may be regenerated after its time (T17); its payload is written, nothing is minted.
                    if path.hasSuffix("regenerate") && signedAndExpired.contains(forgery.name) { continue }
                    let reply = try await core.send("POST", path, Self.body(field, forgery.token))
                    let isRefused = reply.status == 200 && reply.body.hasPrefix("{\"status\":\"\(status)\"")
                    if reply.body.contains("Access token expired") { signedAndExpired.insert(forgery.name) }
                    #expect(isRefused, "\(path) \(forgery.name): \(reply.status) \(reply.body.prefix(80))")
                }
            }
            #expect(try await core.send("GET", "/hello").status == 200)
        }
    }
}
