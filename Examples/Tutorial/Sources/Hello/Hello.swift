import Hummingbird
import Tessera
import TesseraHummingbird

@main
struct Hello {
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
    return Application(router: router, services: [sessions])
}
