import Foundation
import Hummingbird
import Synchronization
import Tessera
import TesseraHummingbirdTesting

@testable import Accounts

/// The application with its own users and a clock that the test moves.
struct World {
    let test: TestSessions
    let users: UserTable
    let application: any ApplicationProtocol
    let mails: Mails

    final class Mails: Sendable {
        private let sent = Mutex<[String]>([])
        var last: String? { sent.withLock { $0.last } }
        func add(_ text: String) { sent.withLock { $0.append(text) } }
    }

    init() async throws {
        users = try UserTable(path: ":memory:")
        let facts = Facts(users)
        test = try await TestSessions(configuration: facts.configuration, claims: facts.claims)
        let mails = Mails()
        self.mails = mails
        application = Accounts.application(
            test.sessions, users, facts, Passwords(cost: .tests), mail: { _, text in mails.add(text) })
    }
}

extension TestBrowser {
    /// Fills the form of a page: its token, and fields.
    @discardableResult
    func fill(
        _ page: String, sends path: String? = nil, _ fields: KeyValuePairs<String, String> = [:]
    ) async throws -> Reply {
        let text = try await get(page).text
        let token = text.firstMatch(of: /<input type="hidden" name="([^"]+)" value="([^"]+)"/)
        let hidden = token.map { [(String($0.1), String($0.2))] } ?? []
        let pairs = hidden + fields.map { ($0.key, $0.value) }
        let form = pairs.map { "\($0.0)=\($0.1.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")" }
        return try await call(
            .post, path ?? page, headerFields: [.contentType: "application/x-www-form-urlencoded"],
            body: Array(form.joined(separator: "&").utf8))
    }

    func signUp(_ email: String = "ann@example.com") async throws {
        try await fill("/register", ["email": email, "password": "correct horse battery"])
    }

    @discardableResult
    func logIn(_ email: String = "ann@example.com", password: String = "correct horse battery") async throws -> Reply {
        try await fill("/login", ["email": email, "password": password, "returnTo": "/orders"])
    }
}
