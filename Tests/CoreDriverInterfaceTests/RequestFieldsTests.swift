import LosslessJSON
import Testing

@testable import CoreDriverInterface

/// The field-parsing table of docs/specification/core.md 1.0, and replies that show only what a version knows.
struct RequestFieldsTests {
    private func fields(_ body: String) throws(InvalidRequest) -> RequestFields {
        try RequestFields(body: body.utf8, operation: .verifySession, dialect: Dialect(version: "5.4"))
    }

    @Test(
        "a body that is not one JSON object is refused",
        arguments: ["", " ", "{", "[]", "1", "null", "\"x\"", "{}{}", "{a:1}", "{'a':1}", "{\"a\":1,}", "\u{FEFF}{}"])
    func notAnObject(body: String) {
        #expect(throws: InvalidRequest(.notJSON)) { _ = try fields(body) }
    }

    @Test("missing, null and wrongly typed are the same mistake", arguments: ["{}", "{\"a\":null}", "{\"a\":1}"])
    func requiredField(body: String) {
        #expect(throws: InvalidRequest(.invalidField("a"))) { _ = try fields(body).required("a", \.string) }
    }

    @Test("an optional field may be absent and may not be null", arguments: ["{\"a\":null}", "{\"a\":true}"])
    func optionalField(body: String) throws {
        #expect(try fields("{}").optional("a", \.string) == nil)
        #expect(throws: InvalidRequest(.invalidField("a"))) { _ = try fields(body).optional("a", \.string) }
    }

    @Test("a boolean is bare", arguments: ["\"true\"", "1", "null", "{}"])
    func booleans(value: String) {
        #expect(throws: InvalidRequest(.invalidField("checkDatabase"))) {
            _ = try fields("{\"checkDatabase\":\(value)}").versioned("checkDatabase", \.bool)
        }
    }

    @Test("a list of handles holds strings only", arguments: ["[1]", "[\"a\",null]", "\"a\"", "{}"])
    func stringLists(value: String) {
        #expect(throws: InvalidRequest(.invalidField("h"))) {
            _ = try fields("{\"h\":\(value)}").required("h", \.strings)
        }
    }

    @Test("a field that the version does not know is not read, whatever it holds")
    func ignoredField() throws {
        let old = try RequestFields(
            body: "{\"checkDatabase\":\"nonsense\"}".utf8, operation: .verifySession, dialect: Dialect(version: "2.3"))
        #expect(try old.versioned("checkDatabase", \.bool) == nil)
    }

    @Test("a reply takes the members that its version knows, in the order offered")
    func replyDocument() {
        func reply(_ version: CDIVersion) -> JSONValue {
            var document = ReplyDocument(.created, Dialect(version: version))
            document.add("session") { session in
                session.add("handle", "h")
                session.add("tenantId", "public")
            }
            document.add("idRefreshToken", "i")
            document.add("antiCsrfToken", nil)
            document.add("status", "OK")
            return .object(document.object)
        }
        #expect(reply("2.3").text == #"{"session":{"handle":"h"},"idRefreshToken":"i","status":"OK"}"#)
        #expect(reply("5.4").text == #"{"session":{"handle":"h","tenantId":"public"},"status":"OK"}"#)
    }
}
