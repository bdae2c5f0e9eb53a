import CoreServer
import LosslessJSON
import SessionStorage
import Testing

/// The machine fails: the driver is told so, no session is said to have ended, and no one is accused.
struct StorageFailureTests {
    private static let createBody =
        "{\"userId\":\"u\",\"userDataInJWT\":{},\"userDataInDatabase\":{},\"enableAntiCsrf\":false}"

    /// The error, the status, and whether the client is told when to try again.
    static let rows: [(StorageError, Int, Bool)] = [
        (StorageError(.full, "secret detail"), 507, true), (StorageError(.unavailable, "secret detail"), 503, true),
        (StorageError(.unknownOutcome, "secret detail"), 503, true),
        (StorageError(.corrupt, "secret detail"), 500, false),
    ]

    @Test("a failure of storage is neither success nor theft nor the end of a session", arguments: rows)
    func failures(error: StorageError, status: Int, hasRetryAfter: Bool) async throws {
        let storage = SwitchableStorage()
        try await Core.run(.value, storage: storage.storage) { core in
            let created = try await core.send("POST", "/recipe/session", Self.createBody)
            let document = try #require(try JSONValue(parsing: created.body).object)
            let refresh: JSONObject = [
                "refreshToken": document["refreshToken"]?.object?["token"] ?? "", "enableAntiCsrf": false,
                "useDynamicSigningKey": true,
            ]
            let verify: JSONObject = [
                "accessToken": document["accessToken"]?.object?["token"] ?? "", "doAntiCsrfCheck": false,
                "enableAntiCsrf": false, "checkDatabase": false,
            ]
            storage.fail(with: error)
            let calls = [
                ("/recipe/session", Self.createBody), ("/recipe/session/refresh", refresh.text),
                ("/recipe/session/remove", "{\"userId\":\"u\"}"),
            ]
            for (path, body) in calls {
                let reply = try await core.send("POST", path, body)
                #expect(reply.status == status && reply.contentType == "text/html;charset=UTF-8", "\(path)")
                #expect((reply.headers["retry-after"] != nil) == hasRetryAfter && !reply.body.contains("secret"))
            }
            #expect(try await core.send("POST", "/recipe/session/verify", verify.text).status == 200)
            storage.fail(with: nil)
            #expect(try await core.send("POST", "/recipe/session/refresh", refresh.text).body.contains("\"OK\""))
        }
    }
}
