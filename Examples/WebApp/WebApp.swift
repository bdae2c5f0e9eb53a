import Foundation
import Hummingbird
import InMemoryStorage
import SessionEngine
import SessionService
import Synchronization
import TesseraHummingbird
import TesseraInProcess

/// A small web application whose sessions can be watched, and stolen.
///
/// Everything is in memory. `PORT` chooses the port; 0 takes a free one.
@main
struct WebApp {
    static func main() async throws {
        let port = Int(ProcessInfo.processInfo.environment["PORT"] ?? "") ?? 8_080
        let clock = DemoClock()
        let sources = ClockAndRandomness(time: { clock.time }, randomBits: ClockAndRandomness.system.randomBits)
        let service = try await SessionManager(storage: InMemorySessionStorage(), clock: sources)
        let loot = Loot()
        let sessions = try Sessions(
            app: AppInfo(name: "Tessera demo", apiDomain: "http://localhost:\(port)"),
            backend: InProcessBackend(service), hooks: DemoHooks(loot: loot), clock: sources)

        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: SecurityHeaders())
        router.add(middleware: TesseraMiddleware(sessions))
        try Pages.add(to: router)
        SessionRoutes(service: service, clock: clock, loot: loot).add(to: router)
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                print("Open http://localhost:\(channel.localAddress?.port ?? port) (any name, password \"demo\")")
                fflush(nil)
            })
        try await app.runService()
    }
}

/// The system's clock, which a button can push on, so that tokens expire while one looks.
final class DemoClock: Sendable {
    private let offset = Mutex(Milliseconds(0))

    var time: Timestamp { ClockAndRandomness.system.time() + offset.withLock { $0 } }

    func push(by span: Milliseconds) {
        offset.withLock { $0 = $0 + span }
    }
}

/// What a thief would have copied; no real application keeps refresh tokens.
final class Loot: Sendable {
    private let tokens = Mutex<[String: String]>([:])

    func note(_ session: Session) {
        tokens.withLock { $0[session.handle.rawValue] = session.refreshToken?.exposed }
    }

    subscript(handle: String) -> String? { tokens.withLock { $0[handle] } }
}

/// Notes each new refresh token, for the thief.
struct DemoHooks: SessionHooks {
    let loot: Loot

    func refresh(_ call: SessionCall) async throws(SessionError) -> SessionReply {
        loot.note(try await call.sessions.refresh(in: call.exchange))
        return SessionReply(json: [:])
    }
}

/// What browsers are told not to allow: nothing comes from elsewhere, nothing runs inline.
struct SecurityHeaders<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
            + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}

/// The files of the application.
enum Pages {
    private static let files = [
        ("/", "index.html", "text/html"), ("/style.css", "style.css", "text/css"),
        ("/app.js", "app.js", "text/javascript"),
    ]

    static func add(to router: Router<BasicTesseraRequestContext>) throws {
        for (path, name, type) in files {
            let folder = Bundle.module.bundleURL.appendingPathComponent("Pages")
            let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            router.get("\(path)") { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "\(type); charset=utf-8"],
                    body: .init(byteBuffer: ByteBuffer(string: text)))
            }
        }
    }
}
