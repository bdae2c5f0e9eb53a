import Foundation
import Hummingbird
import Tessera
import TesseraHummingbird

/// Accounts of a small web application: sign up and in with a password, verify an address, look at one's sessions, end them.
///
/// Pages are rendered on the server and need no script. `PORT` is the port, 8080 by default; 0 takes a free one. `FOLDER` is
/// where users and sessions are kept.
@main
struct AccountsProgram {
    static func main() async {
        await runOrExit {
            let environment = ProcessInfo.processInfo.environment
            let folder = environment["FOLDER"] ?? "accounts"
            let port = environment["PORT"].flatMap { Int($0) } ?? 8_080
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let users = try UserTable(path: "\(folder)/users.sqlite")
            let facts = Facts(users)
            let sessions = try await Sessions(
                app: AppInfo(name: "Accounts", apiDomain: "http://localhost:\(port)"),
                storedIn: .folder("\(folder)/sessions"), configuration: facts.configuration, claims: facts.claims)
            let application = application(
                sessions, users, facts, Passwords(), port: port,
                mail: { address, text in print("To \(address): \(text)") })
            try await application.runService()
        }
    }
}

/// What sessions carry about a user, and what routes ask of it.
struct Facts: Sendable {
    let email: BooleanClaim
    let claims: [any SessionClaim]
    let isAdministrator: SessionRequirement
    let hasVerifiedEmail: SessionRequirement

    init(_ users: UserTable) {
        let roles = ListClaim("roles", maxAge: .minutes(5)) { try await users.user(id: $0.rawValue)?.roles }
        email = BooleanClaim("email-verified", maxAge: .minutes(5)) {
            try await users.user(id: $0.rawValue)?.hasVerifiedEmail
        }
        claims = [roles, email]
        isAdministrator = roles.includes("administrator")
        hasVerifiedEmail = email.isTrue()
    }

    /// A page without a session leads to the log-in, and back.
    var configuration: SessionConfiguration {
        var configuration = SessionConfiguration()
        configuration.signInPage = "/login"
        return configuration
    }
}

/// Puts the pages together.
///
/// - Parameters:
///   - sessions: the sessions.
///   - users: the users.
///   - facts: what routes ask of a session.
///   - passwords: how passwords are compared.
///   - port: where to listen; 0 takes a free port.
///   - mail: sends a text to an address.
func application(
    _ sessions: Sessions, _ users: UserTable, _ facts: Facts, _ passwords: Passwords, port: Int = 0,
    mail: @escaping @Sendable (_ address: String, _ text: String) -> Void
) -> some ApplicationProtocol {
    let router = Router(context: BasicTesseraRequestContext.self)
    router.add(middleware: TesseraMiddleware(sessions))
    router.add(middleware: ProtectForms())
    SignIn(users: users, passwords: passwords).add(to: router)
    Account(sessions: sessions, users: users, facts: facts, mail: mail).add(to: router)
    return Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), services: [sessions])
}
