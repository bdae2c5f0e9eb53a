import Foundation
import Hummingbird
import Tessera
import TesseraHummingbird

/// What a user who has signed in can do.
struct Account: Sendable {
    typealias Context = BasicTesseraRequestContext

    let sessions: Sessions
    let users: UserTable
    let facts: Facts
    let mail: @Sendable (_ address: String, _ text: String) -> Void

    func add(to router: Router<Context>) {
        router.get("") { _, _ in Response.redirect(to: "/account", type: .normal) }
        let own = router.require(.session)
        own.get("account", use: account)
        own.post("sessions/:handle/end", use: endOne)
        own.post("sign-out") { _, context in
            try await context.requireSession().revoke(by: .user)
            return Response.redirect(to: "/login")
        }
        own.post("sign-out-everywhere") { _, context in
            try await context.requireSession().revokeAll()
            return Response.redirect(to: "/login")
        }
        own.post("verify", use: sendLink)
        own.get("verified", use: followLink)
        router.require(facts.isAdministrator).get("admin") { _, _ in
            Page(title: "Administration", body: "<p>Only administrators see this.</p>")
        }
        router.require(facts.hasVerifiedEmail).get("orders") { _, _ in
            Page(title: "Orders", body: "<p>Only users with a verified address see this.</p>")
        }
    }

    @Sendable private func account(_: Request, _ context: Context) async throws -> Page {
        let session = try context.requireSession()
        guard let user = try await users.user(id: session.userID.rawValue) else { throw HTTPError(.notFound) }
        let field = try context.formField()
        let list = try await sessions.list(of: session.userID).map { found -> Page.Markup in
            let isThis = found.handle == session.handle
            return """
                <li>since \(found.createdAt.formatted(.iso8601))\(isThis ? ", this one" : "")
                <form method="post" action="/sessions/\(found.handle.rawValue)/end">\(html: field)<button>End</button></form></li>
                """
        }
        let verify: Page.Markup =
            user.hasVerifiedEmail
            ? "" : "<form method=\"post\" action=\"/verify\">\(html: field)<button>Verify my address</button></form>"
        return Page(
            title: "Hello, \(user.email)",
            body: """
                <p>Roles: \(user.roles.isEmpty ? "none" : user.roles.joined(separator: ", ")).</p>
                \(verify)
                <h2>Signed in</h2>
                <ul>\(Page.Markup(list))</ul>
                <form method="post" action="/sign-out">\(html: field)<button>Sign out</button></form>
                <form method="post" action="/sign-out-everywhere">\(html: field)<button>Sign out everywhere</button></form>
                """)
    }

    /// Ends a session of this user; a handle of somebody else's is not found.
    @Sendable private func endOne(_: Request, _ context: Context) async throws -> Response {
        let session = try context.requireSession()
        let handle = SessionHandle(try context.parameters.require("handle"))
        guard try await sessions.information(on: handle)?.userID == session.userID else { throw HTTPError(.notFound) }
        if handle == session.handle {
            try await session.revoke(by: .user)
        } else {
            try await sessions.revoke([handle], by: .user)
        }
        return Response.redirect(to: "/account")
    }

    /// A link that was sent, kept with the session: it is of no use to anyone else, and for one address only.
    private struct Link: Codable {
        let code: String
        let user: String
        let email: String
    }

    @Sendable private func sendLink(_: Request, _ context: Context) async throws -> Response {
        let session = try context.requireSession()
        guard let user = try await users.user(id: session.userID.rawValue) else { throw HTTPError(.notFound) }
        let code = UUID().uuidString
        try await session.setData(Link(code: code, user: user.id, email: user.email))
        mail(user.email, "/verified?code=\(code)")
        return Response.redirect(to: "/account")
    }

    @Sendable private func followLink(_ request: Request, _ context: Context) async throws -> Response {
        let session = try context.requireSession()
        let link = try await session.data(as: Link.self)
        guard link.code == request.uri.queryParameters["code"].map(String.init), link.user == session.userID.rawValue,
            let user = try await users.user(id: link.user), user.email == link.email
        else { throw HTTPError(.notFound) }
        try await users.noteVerifiedEmail(of: user.id)
        try await session.setData(JSONObject())
        // The session knows at once; those of other devices within five minutes.
        try await session.fetchAndSet(facts.email)
        return Response.redirect(to: "/orders", type: .normal)
    }
}
