import Foundation
import Hummingbird
import TesseraHummingbird

/// A small web application whose sessions can be watched, and stolen.
///
/// Everything is in memory. `PORT` chooses the port; 0 takes a free one.
@main
struct WebApp {
    static func main() async throws {
        let port = Int(ProcessInfo.processInfo.environment["PORT"] ?? "") ?? 8_080
        let worlds = Worlds(address: "http://localhost:\(port)")
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: SecurityHeaders())
        router.add(middleware: WorldMiddleware(worlds: worlds))
        try Pages.add(to: router)
        SessionRoutes(worlds: worlds).add(to: router)
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                await worlds.move(to: "http://localhost:\(channel.localAddress?.port ?? port)")
                print("Open http://localhost:\(channel.localAddress?.port ?? port) (any name, password \"demo\")")
                fflush(nil)
            })
        try await app.runService()
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
        ("/app.js", "app.js", "text/javascript"), ("/stage.js", "stage.js", "text/javascript"),
        ("/thief.js", "thief.js", "text/javascript"),
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
