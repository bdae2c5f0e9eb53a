import SessionEngine
import Testing

@testable import CoreDriverInterface

/// Versions and paths as drivers write them (docs/specification/core.md 1.1, 1.2 and 1.9).
struct RouteMatchTests {
    @Test("a version is two plain numbers", arguments: ["1.0", "2.21", "5.4", "10.0"])
    func goodVersion(text: String) {
        #expect(CDIVersion(text)?.description == text)
    }

    @Test(
        "anything else is no version",
        arguments: [
            "", "abc", "2", "2.", ".1", "2.7.0", "02.1", "2.01", "-1.0", "2.1 ", "٢.١", "99999.0", "2.+1", "2..1",
        ])
    func badVersion(text: String) {
        #expect(CDIVersion(text) == nil)
    }

    @Test("versions are ordered by number, not by text")
    func order() {
        #expect(Availability(introduced: "2.9").contains("2.10") && !Availability(introduced: "2.10").contains("2.9"))
        #expect(Availability(introduced: "2.21").contains("3.0") && !Availability(introduced: "3.0").contains("2.21"))
        #expect(Availability(introduced: "3.0").contains("3.0") && !Availability(obsoleted: "3.0").contains("3.0"))
    }

    @Test("neighbours are read as a span")
    func summary() {
        #expect(CDIVersion.summary(of: Catalogue.supported) == "1.0 2.0-2.21 3.0-3.1 4.0 5.0-5.6")
        #expect(CDIVersion.summary(of: ["5.4", "2.9", "2.10"]) == "2.9-2.10 5.4")
        #expect(CDIVersion.summary(of: []).isEmpty)
    }

    /// Path, app, tenant; `nil` for a path that no one knows.
    static let paths: [(String, [String]?)] = [
        ("/session", ["public", "public"]), ("/recipe/session", ["public", "public"]),
        ("/recipe/session/", ["public", "public"]), ("/PUBLIC/Recipe/Session/user", ["public", "public"]),
        ("/appid-public/recipe/session", ["public", "public"]),
        ("/appid-a1/recipe/session", ["a1", "public"]), ("/appid-a1/t1/recipe/session", ["a1", "t1"]),
        ("/t1/recipe/session", ["public", "t1"]), ("/hello", ["public", "public"]), ("/", ["public", "public"]),
        ("/.well-known/jwks.json", ["public", "public"]), ("/t1/hello", ["public", "t1"]),
        ("/Session", nil), ("/session/", nil), ("/nope", nil), ("/recipe", nil), ("/recipe/recipe/session", nil),
        ("/t_1/recipe/session", nil), ("/a/b/recipe/session", nil), ("//recipe/session", ["public", "public"]),
        ("", nil),
        ("/recipe/session%2fverify", nil), ("/config/hello", nil), ("/appid-/hello", nil),
    ]

    @Test("paths name an app, a tenant and routes", arguments: paths)
    func path(path: String, expected: [String]?) {
        let match = RouteMatch(path: path)
        #expect(match.map { [$0.app.rawValue, $0.tenant.rawValue] } == expected)
    }

    private func answer(_ method: String, _ path: String, _ version: String?) -> Result<CoreOperation, InvalidRequest> {
        do throws(InvalidRequest) {
            guard let match = RouteMatch(path: path) else { throw InvalidRequest(.notFound) }
            let dialect = try match.dialect(header: version)
            return .success(try match.operation(method: method, dialect: dialect))
        } catch {
            return .failure(error)
        }
    }

    /// Method, path, version, operation.
    static let accepted: [(String, String, String?, CoreOperation)] = [
        ("POST", "/session", nil, .createSession), ("POST", "/session", "2.3", .createSession),
        ("DELETE", "/session", nil, .removeAndCountSessions), ("POST", "/session/remove", "2.0", .removeSessions),
        ("GET", "/jwt/data", "2.1", .readPayload), ("POST", "/recipe/session", nil, .createSession),
        ("GET", "/recipe/session", "5.4", .readSession), ("GET", "/user/id", "5.0", .findUser),
        ("PUT", "/hello", "abc", .hello), ("GET", "/apiversion", "9.9", .listVersions),
        ("POST", "/t1/recipe/session", "5.0", .createSession),
    ]

    @Test("a method on a path means an operation", arguments: accepted)
    func acceptedRow(method: String, path: String, version: String?, operation: CoreOperation) {
        #expect(answer(method, path, version) == .success(operation))
    }

    /// Method, path, version, status, text.
    static let refused: [(String, String, String?, Int, String)] = [
        ("POST", "/session", "2.4", 400, "cdi-version 2.4 not supported"),
        ("POST", "/session", "abc", 400, "cdi-version abc not supported"),
        ("POST", "/recipe/session", "2.3", 400, "cdi-version 2.3 not supported"),
        ("POST", "/recipe/session", "9.9", 400, "cdi-version 9.9 not supported"),
        ("POST", "/recipe/session", "2.7.0", 400, "cdi-version 2.7.0 not supported"),
        ("POST", "/recipe/session", "", 400, "cdi-version header is invalid"),
        ("GET", "/session/verify", nil, 405, "Method not supported"),
        ("PUT", "/recipe/session", nil, 405, "Method not supported"),
        ("PATCH", "/hello", nil, 405, "Method not supported"),
        ("GET", "/nope", nil, 404, "Not found"), ("POST", "/recipe/handshake", "5.0", 404, "Not found"),
        (
            "DELETE", "/session", "2.0", 400,
            "/session DELETE is only available in CDI 1.0. Please call /session/remove POST instead"
        ),
        (
            "POST", "/session/remove", nil, 400,
            "/session/remove POST is only available in >= CDI 2.0. Please call /session DELETE instead"
        ),
        ("PUT", "/jwt/data", "1.0", 400, "CDI version not supported"),
        ("POST", "/t1/recipe/session/verify", "5.6", 403, "Only public tenantId can call this app specific API"),
        ("POST", "/t1/recipe/jwt", "5.0", 403, "Only public tenantId can call this app specific API"),
        ("GET", "/t1/apiversion", nil, 403, "Only public tenantId can call this app specific API"),
    ]

    @Test("what a version does not have is refused in the core's words", arguments: refused)
    func refusedRow(method: String, path: String, version: String?, status: Int, text: String) {
        guard case .failure(let refusal) = answer(method, path, version) else {
            Issue.record("\(method) \(path) at \(version ?? "-") was accepted")
            return
        }
        #expect(refusal.status == status && refusal.text == text)
    }

    @Test("only greetings, the configuration and the key set are open without a key")
    func keyExemptions() {
        let open = Catalogue.routes.map(\.path).filter { RouteMatch(path: $0)?.needsAPIKey == false }
        #expect(Set(open) == ["/hello", "/", "/config", "/.well-known/jwks.json"])
    }
}
