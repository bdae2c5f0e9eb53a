import Hummingbird
import Tessera
import TesseraHummingbird

/// Signing up and in.
struct SignIn: Sendable {
    typealias Context = BasicTesseraRequestContext

    struct Form: Decodable {
        let email: String
        let password: String
        let returnTo: String?
    }

    let users: UserTable
    let passwords: Passwords

    func add(to router: Router<Context>) {
        router.get("login") { request, context in
            try page("Log in", "/login", request.uri.queryParameters["returnTo"].map(String.init), context)
        }
        router.get("register") { _, context in try page("Sign up", "/register", nil, context) }
        router.post("login", use: logIn)
        router.post("register", use: register)
    }

    @Sendable private func logIn(_ request: Request, _ context: Context) async throws -> Response {
        let form = try await URLEncodedFormDecoder().decode(Form.self, from: request, context: context)
        let user = try await users.user(email: form.email)
        guard try await passwords.isRight(form.password, for: user?.passwordHash), let user else {
            return try page(
                "Log in", "/login", form.returnTo, context, problem: "That address or password is not right."
            )
            .response(from: request, context: context)
        }
        try await context.createSession(userID: UserID(user.id))
        return try context.redirectAfterSignIn(to: form.returnTo, otherwise: "/account")
    }

    @Sendable private func register(_ request: Request, _ context: Context) async throws -> Response {
        let form = try await URLEncodedFormDecoder().decode(Form.self, from: request, context: context)
        guard form.email.contains("@"), (12...200).contains(form.password.count) else {
            let problem = "An address has an @, and a password 12 characters or more."
            return try page("Sign up", "/register", nil, context, problem: problem)
                .response(from: request, context: context)
        }
        let hash = try await passwords.hash(form.password)
        guard let user = try await users.add(email: form.email, passwordHash: hash) else {
            return try page("Sign up", "/register", nil, context, problem: "There is an account with that address.")
                .response(from: request, context: context)
        }
        try await context.createSession(userID: UserID(user.id))
        return try context.redirectAfterSignIn(to: form.returnTo, otherwise: "/account")
    }

    /// The form of both.
    private func page(
        _ title: String, _ path: String, _ returnTo: String?, _ context: Context, problem: String? = nil
    ) throws -> Page {
        let isNew = path == "/register"
        return Page(
            title: title,
            body: """
                \(problem.map { "<p role=\"alert\">\($0)</p>" as Page.Markup } ?? "")
                <form method="post" action="\(path)">
                \(html: try context.formField())
                <input type="hidden" name="returnTo" value="\(returnTo ?? "")">
                <label>E-mail <input name="email" type="email" autocomplete="username" required></label>
                <label>Password <input name="password" type="password" required minlength="12"
                    autocomplete="\(isNew ? "new-password" : "current-password")"></label>
                <button>\(title)</button>
                </form>
                <p><a href="\(isNew ? "/login" : "/register")">\(isNew ? "I have an account" : "I am new here")</a></p>
                """,
            status: problem == nil ? .ok : .unprocessableContent)
    }
}
