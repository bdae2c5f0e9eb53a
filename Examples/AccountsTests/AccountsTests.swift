import Tessera
import TesseraHummingbirdTesting
import Testing

@testable import Accounts

@Suite("The example of accounts")
struct AccountsTests {
    private let world: World

    init() async throws { world = try await World() }

    /// Opens browsers without scripts in front of the application.
    private func browse(
        _ count: Int = 1, page: String? = nil, _ body: @escaping @Sendable ([TestBrowser]) async throws -> Void
    ) async throws {
        let test = world.test
        try await world.application.test(.router) { client in
            try await body((0..<count).map { _ in try TestBrowser(client, test, frontEnd: .page) })
        }
    }

    @Test("Sign up, look at the account, sign out; a page without a session leads to the log-in and back")
    func account() async throws {
        try await browse { browsers in
            let ann = browsers[0]
            let away = try await ann.get("/account")
            #expect(away.status == .seeOther && away.headerFields[.location] == "/login?returnTo=%2Faccount")
            try await ann.signUp()
            #expect(try await ann.get("/account").text.contains("Hello, ann@example.com"))
            try await ann.submit(from: "/account", to: "/sign-out")
            #expect(try await ann.get("/account").status == .seeOther)
        }
    }

    @Test("A wrong password and an unknown address look alike, and neither begins a session")
    func wrongPassword() async throws {
        try await browse(2) { browsers in
            let (ann, thief) = (browsers[0], browsers[1])
            try await ann.signUp()
            let wrong = try await thief.logIn(password: "not this one at all")
            let unknown = try await thief.logIn("bob@example.com")
            #expect(wrong.status == .unprocessableContent && unknown.status == .unprocessableContent)
            #expect(try await thief.get("/account").status == .seeOther)
        }
    }

    @Test(
        "The log-in leads to where the browser was going, and never to another site",
        arguments: [
            ("/orders", "/orders"), ("https://evil.example/", "/account"), ("//evil.example", "/account"),
            ("", "/account"),
        ])
    func wayBack(asked: String, given: String) async throws {
        try await browse(2) { browsers in
            try await browsers[0].signUp()
            let form: KeyValuePairs = [
                "email": "ann@example.com", "password": "correct horse battery", "returnTo": asked,
            ]
            let reply = try await browsers[1].submit(form, from: "/login")
            #expect(reply.status == .seeOther && reply.headerFields[.location] == given)
        }
    }

    @Test("A form without its token, or of another site, logs in and out no one")
    func forgedForms() async throws {
        let test = world.test
        try await world.application.test(.router) { client in
            let ann = try TestBrowser(client, test, frontEnd: .page)
            try await ann.signUp()
            #expect(try await ann.post("/sign-out-everywhere", form: [:]).status == .forbidden)
            let form: KeyValuePairs = ["email": "ann@example.com", "password": "correct horse battery"]
            #expect(try await ann.post("/login", form: form).status == .forbidden)
            let other = try TestBrowser(client, test, frontEnd: .page, page: "https://evil.example")
            #expect(try await other.submit(form, from: "/login").status == .forbidden)
            #expect(try await ann.get("/account").status == .ok)
        }
    }

    @Test("One session of another device ends, or all; that of another user cannot be named")
    func devices() async throws {
        try await browse(3) { browsers in
            let (phone, laptop, eve) = (browsers[0], browsers[1], browsers[2])
            try await phone.signUp()
            try await laptop.logIn()
            try await eve.signUp("eve@example.com")
            let page = try await laptop.get("/account").text
            #expect(page.matches(of: /\/end"/).count == 2)
            // Two of the same moment come in any order; the one of this browser says so.
            let other = try #require(page.firstMatch(of: /since [^,\n]+\n<form method="post" action="([^"]+\/end)"/)).1
            #expect(try await eve.submit(from: "/account", to: String(other)).status == .notFound)
            #expect(try await phone.get("/account").status == .ok)
            try await laptop.submit(from: "/account", to: String(other))
            #expect(try await phone.get("/account").status == .seeOther)
            #expect(try await laptop.get("/account").status == .ok)
            try await phone.logIn()
            try await laptop.submit(from: "/account", to: "/sign-out-everywhere")
            #expect(try await phone.get("/account").status == .seeOther)
            #expect(try await eve.get("/account").status == .ok)
        }
    }

    @Test("Roles and a verified address are asked for where they matter, and known at once")
    func requirements() async throws {
        let world = world
        try await browse(2) { browsers in
            let (ann, root) = (browsers[0], browsers[1])
            try await ann.signUp()
            #expect(try await ann.get("/admin").status == .forbidden)
            #expect(try await ann.get("/orders").status == .forbidden)
            try await ann.submit(from: "/account", to: "/verify")
            #expect(try await ann.get("/verified?code=guess").status == .notFound)
            #expect(try await ann.get(try #require(world.mails.last)).status.code < 400)
            #expect(try await ann.get("/orders").status == .ok)
            let hash = try await Passwords(cost: .tests).hash("correct horse battery")
            _ = try await world.users.add(email: "root@example.com", passwordHash: hash, roles: ["administrator"])
            try await root.logIn("root@example.com")
            #expect(try await root.get("/admin").status == .ok)
        }
    }

    @Test("A page continues when its access token has expired, without a script")
    func expiry() async throws {
        let clock = world.test.clock
        try await browse { browsers in
            let ann = browsers[0]
            try await ann.signUp()
            clock.advance(by: .hours(2))
            let first = try await ann.get("/account")
            #expect(first.status == .seeOther)
            let second = try await ann.get(try #require(first.headerFields[.location]))
            #expect(second.headerFields[.location] == "/account")
            #expect(try await ann.get("/account").status == .ok)
        }
    }

    @Test("A password is hashed with a salt, and a hash that is damaged fits none")
    func passwords() async throws {
        let passwords = Passwords(cost: .tests)
        let (first, second) = (try await passwords.hash("p"), try await passwords.hash("p"))
        #expect(first != second)
        #expect(try await passwords.isRight("p", for: first))
        for wrong in [nil, "", "scrypt$16$8$$", String(first.dropLast()), "x" + first] {
            #expect(try await !passwords.isRight("p", for: wrong))
        }
        #expect(try await !passwords.isRight("q", for: first))
    }
}
