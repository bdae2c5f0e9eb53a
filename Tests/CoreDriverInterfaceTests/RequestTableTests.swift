import LosslessJSON
import Testing

@testable import CoreDriverInterface

/// The field-parsing table of docs/specification/core.md 1.0, and replies that show only what a version knows.
struct RequestTableTests {
    private static let dialect = Dialect(version: "5.4")
    private static let old = Dialect(version: "2.3")

    private func expect(_ field: String, _ read: () throws -> Void) {
        #expect(throws: InvalidRequest(.invalidField(field)), performing: read)
    }

    @Test(
        "a body that is not one JSON object is refused",
        arguments: ["", " ", "{", "[]", "1", "null", "\"x\"", "{}{}", "{a:1}", "{'a':1}", "{\"a\":1,}", "\u{FEFF}{}"])
    func notAnObject(body: String) {
        #expect(throws: InvalidRequest(.notJSON)) {
            _ = try Catalogue.verifySession.decode(body: body.utf8, Self.dialect)
        }
    }

    @Test(
        "missing, null and wrongly typed are the same mistake",
        arguments: ["{}", "{\"refreshToken\":null}", "{\"refreshToken\":1}"])
    func requiredField(body: String) {
        expect("refreshToken") { _ = try Catalogue.refreshSession.decode(body: body.utf8, Self.old) }
    }

    @Test("an optional field may be absent and may not be null", arguments: ["null", "true"])
    func optionalField(value: String) throws {
        let table = Catalogue.refreshSession
        #expect(try table.decode(body: "{\"refreshToken\":\"r\"}".utf8, Self.old).antiCSRFToken == nil)
        expect("antiCsrfToken") {
            _ = try table.decode(body: "{\"refreshToken\":\"r\",\"antiCsrfToken\":\(value)}".utf8, Self.old)
        }
    }

    @Test("a boolean is bare", arguments: ["\"true\"", "1", "null", "{}"])
    func booleans(value: String) {
        let body = "{\"accessToken\":\"a\",\"doAntiCsrfCheck\":\(value)}"
        expect("doAntiCsrfCheck") { _ = try Catalogue.verifySession.decode(body: body.utf8, Self.old) }
    }

    @Test("a list of handles holds strings only", arguments: ["[1]", "[\"a\",null]", "\"a\"", "{}"])
    func stringLists(value: String) {
        expect("sessionHandles") {
            _ = try Catalogue.removeSessions.decode(body: "{\"sessionHandles\":\(value)}".utf8, Self.dialect)
        }
    }

    @Test("a field that the version does not know is not read, whatever it holds")
    func ignoredField() throws {
        let body = "{\"accessToken\":\"a\",\"doAntiCsrfCheck\":true,\"checkDatabase\":\"nonsense\"}"
        let old = try Catalogue.verifySession.decode(body: body.utf8, Self.old)
        #expect(old.checksDatabase == nil && old.accessToken == "a" && old.checksAntiCSRF)
        #expect(!Catalogue.verifySession.reads(\.checksDatabase, Self.old))
        #expect(Catalogue.verifySession.reads(\.checksDatabase, Self.dialect))
    }

    @Test("what is asked first is judged first: the target of a removal before the choices beside it")
    func order() {
        func read(_ body: String) throws { _ = try Catalogue.removeSessions.decode(body: body.utf8, Self.dialect) }
        #expect(throws: InvalidRequest.contradiction(.removeTarget)) { try read("{\"revokeAcrossAllTenants\":1}") }
        expect("revokeSessionsForLinkedAccounts") {
            try read(
                "{\"sessionHandles\":[],\"revokeAcrossAllTenants\":true,\"revokeSessionsForLinkedAccounts\":1}")
        }
        #expect(throws: InvalidRequest.contradiction(.tenantsWithoutUser)) {
            try read(
                "{\"sessionHandles\":[],\"revokeAcrossAllTenants\":true,\"revokeSessionsForLinkedAccounts\":true}")
        }
    }

    @Test("a query has texts; numbers and choices are read out of them")
    func queries() throws {
        #expect(throws: InvalidRequest(.missingParameter("since"))) {
            _ = try Catalogue.countActiveUsers.decode(query: { _ in nil }, Self.dialect)
        }
        #expect(throws: InvalidRequest(.notALong("since"))) {
            _ = try Catalogue.countActiveUsers.decode(query: { _ in "1.5" }, Self.dialect)
        }
        for (text, expected) in [("true", true), ("TRUE", true), ("1", false), ("", false)] {
            let asked = try Catalogue.listSessions.decode(query: { $0 == "userId" ? "u" : text }, Self.dialect)
            #expect(asked.isAcrossTenants == expected && asked.userID == "u")
        }
        #expect(
            try Catalogue.listSessions.decode(query: { $0 == "userId" ? "u" : nil }, Self.dialect).isAcrossTenants
                == nil)
    }

    @Test("what a driver writes, a core of its version reads", arguments: Catalogue.versionsOfDriver)
    func written(version: CDIVersion) throws {
        let dialect = Dialect(version: version)
        var asked = CreateSessionRequest()
        (asked.userID, asked.payload, asked.data) = ("u", ["k": 1], ["d": 2])
        (asked.usesAntiCSRF, asked.usesDynamicKey, asked.accessTokenValidity) = (true, false, 1_000)
        let body = Catalogue.createSession.encode(asked, dialect)
        #expect(
            body.text == #"{"userId":"u","userDataInJWT":{"k":1},"userDataInDatabase":{"d":2},"enableAntiCsrf":true,"#
                + #""useDynamicSigningKey":false}"#)
        let read = try Catalogue.createSession.decode(body: body.text.utf8, dialect)
        #expect(read.userID == "u" && read.payload == ["k": 1] && read.data == ["d": 2])
        #expect(read.usesAntiCSRF == true && read.usesDynamicKey == false && read.accessTokenValidity == nil)
    }

    /// The fields that a request must have at 5.4, by hand (docs/specification/core.md 1.6 to 1.8).
    private static let required: [CoreOperation: [String]] = [
        .createSession: ["userId", "userDataInJWT", "userDataInDatabase", "enableAntiCsrf"],
        .verifySession: ["accessToken", "doAntiCsrfCheck", "enableAntiCsrf", "checkDatabase"],
        .refreshSession: ["refreshToken", "enableAntiCsrf", "useDynamicSigningKey"],
        .revokeWithToken: ["refreshToken"],
        .nameDevice: ["userId", "sessionHandle", "label"], .removeDevices: ["userId"], .forgetDevices: ["userId"],
        .stepUpSession: ["refreshToken", "level"], .regenerateSession: ["accessToken"], .listSessions: ["userId"],
        .upgradeSession: ["refreshToken", "userId"], .impersonateUser: ["userId", "actor", "reason"],
        .endImpersonation: ["sessionHandle"], .noteCredentialChange: ["userId", "credentialType", "changeType"],
        .registerDevice: ["sessionHandle", "proof"], .renewDevice: ["sessionIdentifier"],
        .checkDevice: ["sessionHandle"],
        .readSession: ["sessionHandle"],
        .readSessionData: ["sessionHandle"], .readPayload: ["sessionHandle"],
        .writeSessionData: ["sessionHandle", "userDataInDatabase"], .writePayload: ["sessionHandle", "userDataInJWT"],
        .createToken: ["algorithm", "jwksDomain", "payload", "validity"], .showConfiguration: ["pid"],
        .countActiveUsers: ["since"], .findUser: ["userId"], .putApp: ["appId"], .putAppV2: ["appId"],
        .removeApp: ["appId"], .putTenant: ["tenantId"], .putTenantV2: ["tenantId"], .removeTenant: ["tenantId"],
    ]

    @Test(
        "a request has the fields that it must have, and GET has them in the query", arguments: CoreOperation.allCases)
    func required(operation: CoreOperation) throws {
        let found = Catalogue.fields(of: operation, Self.dialect).filter { $0.presence == .required }.map(\.name)
        #expect(found == Self.required[operation] ?? [])
        let methods = Catalogue.routes.filter { $0.operation == operation }.flatMap(\.methods)
        if operation != .hello { #expect(Set(methods.map { $0 == .get }).count == 1) }
        #expect(try #require(Catalogue.requests[operation]).readsQuery == (methods == [.get] || Set(methods) == [.get]))
    }

    @Test("a reply has the members that its version knows, in the order of the wire")
    func replyDocument() {
        var message = TokensReply()
        (message.session, message.idRefreshToken) = (SessionPart(), TokenPart())
        message.session?.handle = "h"
        message.session?.tenantID = "public"
        message.idRefreshToken?.text = "i"
        func reply(_ version: CDIVersion) -> String {
            Catalogue.created.encode(message, Dialect(version: version)).text
        }
        #expect(reply("2.3") == #"{"session":{"handle":"h"},"idRefreshToken":{"token":"i"},"status":"OK"}"#)
        #expect(reply("5.4") == #"{"session":{"handle":"h","tenantId":"public"},"status":"OK"}"#)
    }

    @Test("a driver reads what is there and of the right type", arguments: Catalogue.versionsOfDriver)
    func read(version: CDIVersion) throws {
        let text = #"{"session":{"handle":"h","userId":1},"accessToken":{"token":"a","expiry":5},"other":1}"#
        let read = Catalogue.created.decode(try #require(try JSONValue(parsing: text.utf8).object))
        #expect(read.session?.handle == "h" && read.session?.userID == nil && read.refreshToken == nil)
        #expect(read.accessToken?.text == "a" && read.accessToken?.expiresAt == 5 && read.accessToken?.createdAt == nil)
        let written = Catalogue.created.encode(read, Dialect(version: version)).text
        #expect(written == #"{"session":{"handle":"h"},"accessToken":{"token":"a","expiry":5},"status":"OK"}"#)
    }

    @Test("every member that differs between versions is a member of a reply of its shape")
    func members() {
        for entry in Catalogue.members {
            for shape in entry.shapes {
                let paths = Set(Catalogue.outcomes.values.joined().filter { $0.shape == shape }.flatMap(\.paths))
                #expect(paths.isSuperset(of: entry.paths), "\(shape): \(entry.paths)")
            }
        }
    }
}
