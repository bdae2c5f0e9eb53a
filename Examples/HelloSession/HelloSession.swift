import Hummingbird
import Tessera
import TesseraHummingbird

/// Sessions in a Hummingbird application: log in at `POST /login`, then ask `GET /me`.
///
/// `PORT` is the port, 8080 by default; 0 takes a free one.
@main
struct HelloSession {
    static func main() async {
        await runOrExit {
            let sessions = try await Sessions(
                app: AppInfo(name: "Hello", apiDomain: "http://localhost:8080"), storedIn: .folder("sessions"))
            try await application(sessions).runService()
        }
    }
}

func application(_ sessions: Sessions) -> some ApplicationProtocol {
    let router = Router(context: BasicTesseraRequestContext.self)
    router.add(middleware: TesseraMiddleware(sessions))
    router.post("login") { _, context in
        try await context.createSession(userID: "alice", payload: ["role": "admin"])
        return "Welcome"
    }
    router.require(.session).get("me") { _, context in
        "You are \(try context.requireSession().userID)"
    }
    router.require(.session).post("sign-out-everywhere") { _, context in
        try await context.requireSession().revokeAll()
        return "Bye"
    }
    let port = Environment().get("PORT", as: Int.self) ?? 8080
    return Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), services: [sessions])
}
