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
    func signUp(_ email: String = "ann@example.com") async throws {
        try await submit(["email": email, "password": "correct horse battery"], from: "/register")
    }

    @discardableResult
    func logIn(_ email: String = "ann@example.com", password: String = "correct horse battery") async throws -> Reply {
        try await submit(["email": email, "password": password, "returnTo": "/orders"], from: "/login")
    }
}
