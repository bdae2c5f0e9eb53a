import Foundation
import Hummingbird
import SQLiteStorage
import TesseraHummingbird
import TesseraInProcess

/// Sessions in a Hummingbird application: log in at `POST /login`, then ask `GET /me`.
///
/// `PORT` is the port, 8080 by default; 0 takes a free one.
@main
struct HelloSession {
    static func main() async throws {
        let storage = try SQLiteDatabase(folder: "sessions").storage()
        let sessions = try Sessions(
            app: AppInfo(name: "Hello", apiDomain: "http://localhost:8080"),
            backend: try await InProcessBackend(storage: storage))

        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("login") { _, context in
            try await context.createSession(userID: "alice", payload: ["role": "admin"])
            return "Welcome"
        }
        router.group().add(middleware: RequireSession()).get("me") { _, context in
            "You are \(try context.requireSession().userID)"
        }
        let port = Int(ProcessInfo.processInfo.environment["PORT"] ?? "") ?? 8_080
        let address = ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))
        try await Application(router: router, configuration: address).runService()
    }
}
