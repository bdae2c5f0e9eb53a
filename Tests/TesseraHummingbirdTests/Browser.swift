import HTTPTypes
import HummingbirdTesting
import LosslessJSON
import NIOCore
import TesseraSessions
import Testing

/// A client that keeps what responses give it, as the tests want it to.
struct Browser: Sendable {
    let send: @Sendable (String, HTTPRequest.Method, HTTPFields) async throws -> TestResponse

    /// Sends a request with header fields.
    func call(
        _ method: HTTPRequest.Method, _ path: String, _ fields: [(String, String)] = [],
        _ tokens: Tokens? = nil
    ) async throws -> Reply {
        var headers = HTTPFields()
        for (name, value) in fields + (tokens?.fields ?? []) {
            headers.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }
        return Reply(try await send(path, method, headers))
    }

    /// Begins a session and takes its tokens.
    func signIn(_ mode: String = "cookie", payload: String? = nil) async throws -> (reply: Reply, tokens: Tokens) {
        let query = payload.map { "?payload=" + $0.addingPercentEncodingForQuery } ?? ""
        let reply = try await call(.post, "/create" + query, [("st-auth-mode", mode)])
        #expect(reply.status == 200)
        return (reply, reply.tokens(mode))
    }
}

/// The tokens that a client sends.
struct Tokens {
    var mode: String
    var access: String?
    var refresh: String?
    var antiCSRF: String?

    /// For a request of the application.
    var fields: [(String, String)] { fields(access, "sAccessToken") }
    /// For the refresh route.
    var refreshFields: [(String, String)] { fields(refresh, "sRefreshToken") }

    private func fields(_ token: String?, _ cookie: String) -> [(String, String)] {
        var fields: [(String, String)] = []
        if let token {
            fields.append(mode == "cookie" ? ("cookie", "\(cookie)=\(token)") : ("authorization", "Bearer \(token)"))
        }
        if let antiCSRF { fields.append(("anti-csrf", antiCSRF)) }
        return fields
    }
}

/// A response as the tests look at it.
struct Reply: Sendable {
    let status: Int
    let fields: HTTPFields
    let body: String

    init(_ response: TestResponse) {
        status = response.status.code
        fields = response.headers
        body = String(buffer: response.body)
    }

    subscript(name: String) -> String? { HTTPField.Name(name).flatMap { fields[$0] } }

    /// The lines that set a cookie.
    var setCookies: [String] { fields[values: .setCookie] }

    /// The value that a cookie is set to.
    func cookie(_ name: String) -> String? {
        setCookies.first { $0.hasPrefix("\(name)=") }?.split(separator: ";").first.map {
            String($0.dropFirst(name.count + 1))
        }
    }

    /// The path of a cookie's line, its domain, or any other attribute.
    func attributes(_ name: String) -> [String] {
        setCookies.first { $0.hasPrefix("\(name)=") }?.split(separator: ";").dropFirst()
            .map { String($0.drop { $0 == " " }) } ?? []
    }

    /// The message of an error's body.
    var message: String? { json?["message"]?.string }
    var json: JSONObject? { (try? JSONValue(parsing: body))?.object }
    var front: FrontToken? { self["front-token"].flatMap { FrontToken($0) } }

    /// The tokens that came.
    func tokens(_ mode: String) -> Tokens {
        mode == "cookie"
            ? Tokens(
                mode: mode, access: cookie("sAccessToken"), refresh: cookie("sRefreshToken"),
                antiCSRF: self["anti-csrf"])
            : Tokens(mode: mode, access: self["st-access-token"], refresh: self["st-refresh-token"], antiCSRF: nil)
    }

    /// Which ways of travelling are given tokens, and which are cleared.
    var set: Set<String> { ways { !$0.isEmpty } }
    var cleared: Set<String> { ways(\.isEmpty) }

    private func ways(_ test: (String) -> Bool) -> Set<String> {
        var found: Set<String> = []
        if let value = cookie("sRefreshToken"), test(value) { found.insert("cookie") }
        if let value = self["st-refresh-token"], test(value) { found.insert("header") }
        return found
    }
}

extension String {
    /// The text as a query may carry it.
    var addingPercentEncodingForQuery: String {
        utf8.map { byte in
            let isPlain = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)
            let hex = String(byte, radix: 16)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}
