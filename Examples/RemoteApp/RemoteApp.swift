import Foundation
import Hummingbird
import NIOCore
import TesseraHummingbird
import TesseraRemoteCore

/// A Swift server beside servers in other languages: its sessions are kept by a core that all of them use.
///
/// `CORE` is the core's address, `API_KEY` its key, `PORT` the port; 0 takes a free one, which is printed. `API` and `WEBSITE` are
/// where browsers find it, `DEVICE_BINDING` is `report` or `enforce` where they may bind their sessions (docs/dbsc.md), and
/// `SIGN_IN_PAGE` is where pages send a user without a session.
@main
struct RemoteApp {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let app = try AppInfo(
            name: "Beside others", apiDomain: environment["API"] ?? "http://127.0.0.1",
            website: environment["WEBSITE"].map { .fixed($0) })
        let core = try RemoteCore(
            connectionURI: environment["CORE"] ?? "http://localhost:3567", apiKey: environment["API_KEY"], app: app)
        var configuration = SessionConfiguration()
        configuration.cookieNaming = .superTokens
        configuration.deviceBinding = environment["DEVICE_BINDING"].flatMap(DeviceBindingPolicy.init) ?? .off
        configuration.signInPage = environment["SIGN_IN_PAGE"]
        let sessions = try Sessions(app: app, configuration: configuration, backend: core)

        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("login") { request, context in
            let body = try JSONValue(parsing: Array(try await request.body.collect(upTo: 65_536).readableBytesView))
            let user = body.object?["userId"]?.string ?? ""
            let payload = body.object?["payload"]?.object ?? [:]
            return Self.described(try await context.createSession(userID: UserID(user), payload: payload))
        }
        router.require(.session).get("me") { _, context in
            Self.described(try context.requireSession())
        }
        router.require(.session, options: VerifyOptions(checksDatabase: true)).get("me/checked") {
            _, context in Self.described(try context.requireSession())
        }
        router.require(.session, options: VerifyOptions(device: .whereBound)).get("me/device") {
            _, context in Self.described(try context.requireSession())
        }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: Int(environment["PORT"] ?? "") ?? 8_080)),
            services: [sessions],
            onServerRunning: { channel in
                print("port \(channel.localAddress?.port ?? 0)")
                fflush(nil)
            })
        try await application.runService()
    }

    private static func described(_ session: Session) -> String {
        JSONObject([
            .init(name: "handle", value: .string(session.handle.rawValue)),
            .init(name: "userId", value: .string(session.userID.rawValue)),
        ]).text
    }
}
