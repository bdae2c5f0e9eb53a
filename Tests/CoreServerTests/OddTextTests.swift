import CoreServer
import Foundations
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

/// Texts that are no Unicode, or that databases cannot keep: carried where JSON is, refused by name where a name is.
struct OddTextTests {
    /// Objects with halves of surrogate pairs in every place.
    static let objects = [
        #"{"name":"\ud83d"}"#, #"{"name":"\uD83D"}"#, #"{"\ud83d":1,"\ude00":{"\ud83d":["\ude00x",null]}}"#,
        #"{"a":[[{"b":"x\udbff\u0000\"\\ud83d"}]],"z":1.0}"#, #"{"\\ud83d":"😀\ud83d"}"#,
    ]

    @Test("finding D4: they are returned as they were sent, at every version and from SQLite")
    func carried() async throws {
        // One core, because the oldest version needs an RSA key, which is dear.
        let core = try await ManyApps()
        let folder = try TemporaryFolder()
        let onDisk = try await ManyApps(try SQLiteDatabase(folder: folder.path).apps)
        for object in Self.objects {
            for version in ["2.7", "2.21", "3.0", "5.4", "5.6"] { try await Self.carries(object, version, in: core) }
            try await Self.carries(object, "5.4", in: onDisk)
        }
        let object = Self.objects[2]
        let request =
            #"{"algorithm":"RS256","jwksDomain":"https://a","validity":60,"payload":\#(object),"#
            + #""useStaticSigningKey":false}"#
        let reply = await core.api.respond(
            to: CoreRequest(method: "POST", path: "/recipe/jwt", version: "5.4", body: Array(request.utf8)))
        let signed = String(decoding: reply.body, as: UTF8.self)
        try Self.expect(
            object, inside: try #require(try JSONValue(parsing: signed).object?["jwt"]?.string, "\(signed)"))
    }

    private static func carries(_ object: String, _ version: String, in core: ManyApps) async throws {
        func send(_ method: String, _ path: String, _ body: String, query: String? = nil) async -> String {
            let request = CoreRequest(
                method: method, path: path, query: query, version: version, body: Array(body.utf8))
            return String(decoding: await core.api.respond(to: request).body, as: UTF8.self)
        }
        let flags = #""enableAntiCsrf":false,"checkDatabase":true,"doAntiCsrfCheck":false,"useDynamicSigningKey":true"#
        let created = await send(
            "POST", "/recipe/session",
            #"{"userId":"u","userDataInJWT":\#(object),"userDataInDatabase":\#(object),\#(flags)}"#)
        #expect(created.contains(#""userDataInJWT":\#(object)"#), "\(version): \(created)")
        let session = try #require(try JSONValue(parsing: created).object)
        let handle = try #require(session["session"]?.object?["handle"]?.string)
        let access = try #require(session["accessToken"]?.object?["token"]?.string)
        let refresh = try #require(session["refreshToken"]?.object?["token"]?.string)
        try expect(object, inside: access)
        let read = await send("GET", "/recipe/session", "", query: "sessionHandle=\(handle)")
        #expect(read.contains(#""userDataInDatabase":\#(object)"#) && read.contains(#""userDataInJWT":\#(object)"#))
        for (path, field) in [("session", "userDataInDatabase"), ("jwt", "userDataInJWT")] {
            let put = await send(
                "PUT", "/recipe/\(path)/data", #"{"sessionHandle":"\#(handle)","\#(field)":\#(object)}"#)
            #expect(put.contains(#""status":"OK""#), "\(put)")
            let got = await send("GET", "/recipe/\(path)/data", "", query: "sessionHandle=\(handle)")
            #expect(got.contains(#""\#(field)":\#(object)"#), "\(got)")
        }
        let verified = await send("POST", "/recipe/session/verify", #"{"accessToken":"\#(access)",\#(flags)}"#)
        #expect(verified.contains(#""userDataInJWT":\#(object)"#), "\(verified)")
        let regenerated = await send(
            "POST", "/recipe/session/regenerate", #"{"accessToken":"\#(access)","userDataInJWT":\#(object)}"#)
        #expect(regenerated.contains(#""userDataInJWT":\#(object)"#), "\(regenerated)")
        let refreshed = await send("POST", "/recipe/session/refresh", #"{"refreshToken":"\#(refresh)",\#(flags)}"#)
        #expect(refreshed.contains(#""userDataInJWT":\#(object)"#), "\(refreshed)")
    }

    /// The members of an object stand in the payload of a token.
    private static func expect(_ object: String, inside token: String) throws {
        let part = try #require(token.split(separator: ".").dropFirst().first)
        let payload = String(decoding: try WireText.decode(part), as: UTF8.self)
        #expect(payload.contains(object.dropFirst().dropLast()), "\(payload)")
    }

    /// Method, path, field, whether it is a list; every name that a storage may be asked for.
    static let names: [(String, String, String, Bool)] = [
        ("POST", "/recipe/session", "userId", false), ("POST", "/recipe/session/remove", "userId", false),
        ("POST", "/recipe/session/remove", "sessionHandles", true),
        ("PUT", "/recipe/session/data", "sessionHandle", false), ("PUT", "/recipe/jwt/data", "sessionHandle", false),
        ("POST", "/recipe/jwt", "jwksDomain", false), ("PUT", "/recipe/multitenancy/app/v2", "appId", false),
        ("PUT", "/recipe/multitenancy/tenant/v2", "tenantId", false),
        ("PUT", "/recipe/multitenancy/tenant/v2", "firstFactors", true),
        ("PUT", "/recipe/multitenancy/app/v2", "requiredSecondaryFactors", true),
    ]

    @Test("findings D4 and D5: a name that cannot be is refused in words", arguments: names)
    func refused(method: String, path: String, field: String, isList: Bool) async throws {
        let core = try await ManyApps()
        let texts = [
            (#"a\u0000b"#, "has the character U+0000 in it"), (#"\u0000"#, "has the character U+0000 in it"),
            (#"a\ud83d"#, "has half of a surrogate pair in it, which is no Unicode text"),
            (#"\uDE00"#, "has half of a surrogate pair in it, which is no Unicode text"),
        ]
        for (text, mistake) in texts {
            let value = isList ? "[\"h\",\"\(text)\"]" : "\"\(text)\""
            let others =
                #""userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false,"algorithm":"RS256","validity":9,"#
                + #""payload":{}"#
            let names = field.hasSuffix("Id") ? "" : #""appId":"a","tenantId":"t","#
            let body = "{\(names)\"\(field)\":\(value),\(others)}"
            let reply = await core.api.respond(
                to: CoreRequest(method: method, path: path, version: "5.4", body: Array(body.utf8)))
            let answer = String(decoding: reply.body, as: UTF8.self)
            #expect(reply.status == 400 && answer == "Field name '\(field)' \(mistake)\n", "\(text): \(answer)")
        }
    }

    @Test("finding D5: also in a query", arguments: ["/recipe/session/user", "/recipe/session", "/tessera/audit"])
    func query(path: String) async throws {
        let core = try await ManyApps()
        let field = path == "/recipe/session" ? "sessionHandle" : "userId"
        let reply = await core.send("GET", path, query: "\(field)=a%00b")
        #expect(reply.status == 400 && reply.body == "Field name '\(field)' has the character U+0000 in it")
    }

    @Test("finding D5: a token with U+0000 is a bad token, and a user id has a longest length that is said")
    func tokens() async throws {
        let core = try await ManyApps()
        let body: JSONObject = [
            "refreshToken": "a\u{0}b", "accessToken": "a\u{0}b", "enableAntiCsrf": false, "checkDatabase": false,
            "doAntiCsrfCheck": false, "useDynamicSigningKey": true, "userDataInJWT": [:], "userDataInDatabase": [:],
            "userId": .string(String(repeating: "é", count: 512) + "x"),
        ]
        #expect(await core.send("POST", "/recipe/session/refresh", body).body.contains("UNAUTHORISED"))
        #expect(await core.send("POST", "/recipe/session/verify", body).body.contains("TRY_REFRESH_TOKEN"))
        let reply = await core.send("POST", "/recipe/session", body)
        #expect(reply.status == 400 && reply.body == "Field name 'userId' is longer than 1024 bytes")
    }
}
