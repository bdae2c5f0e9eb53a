import Hummingbird
import Tessera
import TesseraHummingbird
import TesseraHummingbirdTesting
import Testing

@testable import Accounts

// What is there already: users, the check of a password, pages.
private struct LoginForm: Decodable {
    let email: String
    let password: String
    let returnTo: String?
}
private func check(_ email: String, _ password: String) -> UserID? { password == "p" ? UserID(email) : nil }
private func currentRoles(_ user: UserID) -> [String] { user == "root" ? ["admin"] : [] }
private func page(_ title: String, _ field: String) -> Page { Page(title: title, body: "\(html: field)") }

// docs/compare.md prints this file from here on.
private let roles = ListClaim("roles", maxAge: .minutes(5)) { userID in currentRoles(userID) }  // role
private var configuration: SessionConfiguration {  // opening
    var configuration = SessionConfiguration()
    configuration.signInPage = "/login"
    return configuration
}
private func open() async throws -> Sessions {
    let app = try AppInfo(name: "Accounts", apiDomain: "https://example.com")
    return try await Sessions(app: app, storedIn: .folder("sessions"), configuration: configuration, claims: [roles])
}
private func application(_ sessions: Sessions) -> some ApplicationProtocol {
    let router = Router(context: BasicTesseraRequestContext.self)
    router.add(middleware: TesseraMiddleware(sessions))
    router.add(middleware: ProtectForms())
    router.get("login") { _, context in page("Log in", try context.formField()) }  // log-in
    router.post("login") { request, context in
        let form = try await URLEncodedFormDecoder().decode(LoginForm.self, from: request, context: context)
        guard let user = check(form.email, form.password) else { throw HTTPError(.unauthorized) }
        try await context.createSession(userID: user)
        return try context.redirectAfterSignIn(to: form.returnTo, otherwise: "/account")
    }
    router.require(.session).get("account") { _, context in page("Account", try context.formField()) }  // page
    router.require(roles.includes("admin")).get("admin") { _, _ in "Welcome" }  // role
    router.require(.session).post("sign-out-everywhere") { _, context in  // everywhere
        try await context.requireSession().revokeAll()
        return Response.redirect(to: "/login")
    }
    return Application(router: router, services: [sessions])  // opening
}
@Test func signOutEverywhere() async throws {  // test
    let test = try await TestSessions(configuration: configuration, claims: [roles])
    try await application(test.sessions).test(.router) { client in
        let phone = try TestBrowser(client, test, frontEnd: .page)
        let laptop = try TestBrowser(client, test, frontEnd: .page)
        for browser in [phone, laptop] { try await browser.submit(["email": "u", "password": "p"], from: "/login") }
        #expect(try await phone.get("/account").status == .ok)
        try await laptop.submit(from: "/account", to: "/sign-out-everywhere")
        #expect(try await phone.get("/account").status == .seeOther)
    }
}
