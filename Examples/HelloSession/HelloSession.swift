import Hummingbird
import LosslessJSON
import SQLiteStorage
import SessionEngine
import Tessera
import TesseraHummingbird

/// Sessions in a Hummingbird application: log in at `POST /login`, then ask `GET /me`.
@main
struct HelloSession {
    static func main() async throws {
        let storage = try SQLiteDatabase(folder: "sessions").storage(of: .public)
        let sessions = try Sessions(
            app: AppInfo(name: "Hello", apiDomain: "http://localhost:8080"),
            backend: try await InProcessBackend(storage: storage))

        let router = Router(context: BasicSessionRequestContext.self)
        router.add(middleware: SessionMiddleware(sessions))
        router.post("login") { _, context in
            try await context.createSession(userID: "alice", payload: ["role": "admin"])
            return "Welcome"
        }
        router.group().add(middleware: RequireSession()).get("me") { _, context in
            "You are \(try context.requireSession().userID)"
        }
        try await Application(router: router).runService()
    }
}
