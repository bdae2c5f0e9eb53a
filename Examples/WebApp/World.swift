import Foundation
import HTTPTypes
import Hummingbird
import InMemoryStorage
import SessionEngine
import SessionService
import Synchronization
import TesseraHummingbird
import TesseraInProcess

/// The sessions of one visitor's name, with a clock of their own: who pushes it moves nobody else's.
struct World: Sendable {
    /// The one that the request is about.
    @TaskLocal static var current: World?

    let service: SessionManager
    let clock: DemoClock
    let story: Story
    let middleware: TesseraMiddleware<BasicTesseraRequestContext>

    /// - Parameter address: where the application is.
    init(address: String) async throws {
        let clock = DemoClock()
        let sources = ClockAndRandomness(time: { clock.time }, randomBits: ClockAndRandomness.system.randomBits)
        let story = Story()
        service = try await SessionManager(
            storage: InMemorySessionStorage(), policy: SessionPolicy(signingAlgorithm: .es256), clock: sources)
        let sessions = try Sessions(
            app: AppInfo(name: "Tessera demo", apiDomain: address), backend: InProcessBackend(service),
            hooks: DemoHooks(story: story, clock: clock), clock: sources)
        self.clock = clock
        self.story = story
        middleware = TesseraMiddleware(sessions)
    }
}

/// The worlds of the names that were used last.
actor Worlds {
    private static let most = 200
    private var address: String
    private var made: [String: Task<World, any Error>] = [:]
    private var lastUsed: [String] = []

    init(address: String) {
        self.address = address
    }

    /// The worlds that are made from now on know this as their address: that of a free port is known late.
    func move(to address: String) {
        self.address = address
    }

    /// - Parameter name: a visitor's; empty for those who have not logged in.
    func world(of name: String) async throws -> World {
        lastUsed.removeAll { $0 == name }
        lastUsed.append(name)
        if lastUsed.count > Self.most { made[lastUsed.removeFirst()] = nil }
        if let world = made[name] { return try await world.value }
        let task = Task { [address] in try await World(address: address) }
        made[name] = task
        return try await task.value
    }
}

/// Lets each request find the world of its visitor.
struct WorldMiddleware: RouterMiddleware {
    let worlds: Worlds

    func handle(
        _ request: Request, context: BasicTesseraRequestContext,
        next: @concurrent (Request, BasicTesseraRequestContext) async throws -> Response
    ) async throws -> Response {
        let world = try await worlds.world(of: Visitor(request.head).name)
        return try await World.$current.withValue(world) {
            try await world.middleware.handle(request, context: context, next: next)
        }
    }
}

/// Who sent a request, as far as the demonstration wants to tell; nothing depends on it but what is drawn.
struct Visitor {
    static let nameCookie = "demo-visitor", copyCookie = "demo-copy"
    /// Whose sessions it is about.
    let name: String
    /// Whether it comes from a browser that opened the link to a copy, or from the thief in the page.
    let isThief: Bool
    /// The refresh token that it brings to the refresh route.
    let refreshToken: String?

    init(_ request: HTTPRequest) {
        let fields = request.headerFields[values: .cookie].flatMap { $0.split(separator: ";") }
        func cookie(_ name: String) -> String? {
            fields.lazy.map { $0.trimmingCharacters(in: .whitespaces) }.first { $0.hasPrefix(name + "=") }
                .flatMap { String($0.dropFirst(name.count + 1)).removingPercentEncoding }
        }
        let bearer = request.headerFields[.authorization].map { String($0.dropFirst("Bearer ".count)) }
        let header = HTTPField.Name("x-demo-visitor").flatMap { request.headerFields[$0]?.removingPercentEncoding }
        name = header ?? cookie(Self.nameCookie) ?? ""
        isThief = bearer != nil || cookie(Self.copyCookie) != nil
        refreshToken = bearer ?? cookie("sRefreshToken")
    }

    /// The cookies that tell who somebody is.
    ///
    /// - Parameters:
    ///   - name: a visitor's.
    ///   - hasCopy: whether this browser has a copy of the visitor's token.
    static func cookies(_ name: String, hasCopy: Bool) -> [String] {
        let value = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return [
            "\(nameCookie)=\(value); Path=/; Max-Age=86400; HttpOnly; SameSite=Lax",
            "\(copyCookie)=1; Path=/; Max-Age=\(hasCopy ? 86400 : 0); HttpOnly; SameSite=Lax",
        ]
    }
}

/// The system's clock, which a button can push on, so that tokens expire while one looks.
final class DemoClock: Sendable {
    private let pushed = Mutex(Milliseconds(0))

    var time: Timestamp { ClockAndRandomness.system.time() + offset }
    /// How far it is ahead.
    var offset: Milliseconds { pushed.withLock { $0 } }

    func push(by span: Milliseconds) {
        pushed.withLock { $0 = $0 + span }
    }
}
