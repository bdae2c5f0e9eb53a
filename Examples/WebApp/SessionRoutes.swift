import Foundation
import HTTPTypes
import Hummingbird
import SessionEngine
import SessionService
import SessionStorage
import TesseraHummingbird

/// The calls of the pages; README.md describes their JSON.
struct SessionRoutes {
    let worlds: Worlds

    func add(to router: Router<BasicTesseraRequestContext>) {
        router.post("api/login", use: logIn)
        router.get("stolen", use: plant)
        router.get("api/story", use: story)
        let api = router.group("api").add(middleware: RequireSession(VerifyOptions(checksDatabase: true)))
        api.get("me", use: me)
        api.get("data") { _, context in Reply(.object(try await context.requireSession().data())) }
        api.put("data", use: save)
        api.get("sessions", use: devices)
        api.post("sessions/revoke", use: revoke)
        api.post("sessions/revoke-others", use: revokeOthers)
        api.post("sessions/revoke-all", use: revokeAll)
        api.get("trail", use: auditLog)
        api.post("expire", use: expire)
        api.post("steal", use: steal)
    }

    private func world() throws -> World {
        guard let world = World.current else { throw HTTPError(.internalServerError) }
        return world
    }

    /// Creates the session in the world of that name, whatever world the browser was in.
    @Sendable private func logIn(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Response {
        let form = try await request.json()
        guard let user = form["user"]?.string, !user.isEmpty, form["password"] == "demo" else {
            throw HTTPError(.forbidden, message: "Any name will do, but the password is \"demo\".")
        }
        let world = try await worlds.world(of: user)
        var response = try await world.middleware.handle(request, context: context) { request, context in
            let session = try await context.createSession(userID: UserID(user), payload: ["name": .string(user)])
            world.story.begin(session, at: world.clock.time)
            return Reply(["status": "OK"]).response(from: request, context: context)
        }
        for cookie in Visitor.cookies(user, hasCopy: false) {
            response.headers.append(HTTPField(name: .setCookie, value: cookie))
        }
        return response
    }

    @Sendable private func me(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        let isThief = Visitor(request.head).isThief
        return Reply([
            "user": .string(session.userID.rawValue), "handle": .string(session.handle.rawValue),
            "expiresAt": .integer(Timestamp(session.accessTokenExpiresAt).milliseconds),
            "payload": .object(session.payload),
            "role": isThief ? "thief" : "owner",
        ])
    }

    @Sendable private func save(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        try await context.requireSession().setData(try await request.json())
        return Reply(["status": "OK"])
    }

    @Sendable private func devices(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let current = try context.requireSession()
        let page = try await context.sessions().devices(of: current.userID)
        return Reply(
            .array(
                page.devices.map { device in
                    [
                        "handle": .string(device.handle.rawValue), "label": .string(device.label),
                        "network": .string(device.lastAddress ?? ""),
                        "createdAt": .integer(Timestamp(device.createdAt).milliseconds),
                        "lastSeenAt": .integer(Timestamp(device.lastSeenAt).milliseconds),
                        "expiresAt": .integer(Timestamp(device.expiresAt).milliseconds),
                        "current": .bool(device.handle == current.handle),
                    ]
                }))
    }

    /// Only one's own sessions can be revoked.
    @Sendable private func revoke(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        let handle = SessionHandle(try await request.json()["handle"]?.string ?? "")
        if handle == session.handle {
            try await session.revoke(by: .user)
        } else if try await context.sessions().revoke([handle], of: session.userID, by: .user).isEmpty {
            throw HTTPError(.notFound, message: "There is no such session.")
        }
        return Reply(["status": "OK"])
    }

    @Sendable private func revokeOthers(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let ended = try await context.requireSession().revokeOthers(by: .user)
        return Reply(["ended": .integer(ended.count)])
    }

    @Sendable private func revokeAll(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        try await context.sessions().revokeAll(of: session.userID, by: .user)
        try await session.revoke()
        return Reply(["status": "OK"])
    }

    @Sendable private func auditLog(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let user = try context.requireSession().userID
        let records = try await world().service.auditEvents(AuditQuery(userID: user, limit: 30))
        return Reply(
            .array(
                records.map { record in
                    [
                        "time": .integer(record.event.time.milliseconds), "kind": .string(record.event.name.rawValue),
                        "handle": .string(record.event.handle?.rawValue ?? ""),
                    ]
                }))
    }

    /// The family of a session's tokens and how it ended, also for those whose session that was.
    @Sendable private func story(_ request: Request, _: BasicTesseraRequestContext) async throws -> Reply {
        let world = try world()
        let handle = request.uri.queryParameters["session"].map(String.init) ?? ""
        let records = try await world.service.auditEvents(AuditQuery(handle: SessionHandle(handle), limit: 50))
        let names = Set(records.map(\.event.name))
        var json = world.story.json(of: handle)
        json["end"] = names.contains(.reuseDetected) ? "theft" : names.contains(.revoked) ? "revoked" : .null
        json["now"] = .integer(world.clock.time.milliseconds)
        json["ahead"] = .integer(world.clock.offset.count)
        return Reply(.object(json))
    }

    /// Pushes this visitor's clock on by so many seconds, by default the life of an access token.
    @Sendable private func expire(_ request: Request, _: BasicTesseraRequestContext) async throws -> Reply {
        let world = try world()
        let text = request.uri.queryParameters["seconds"].map(String.init) ?? ""
        let seconds = Int64(text).map { Milliseconds(min(max($0, 0), 86_400) * 1_000) }
        world.clock.push(by: seconds ?? world.service.policy.accessTokenValidity)
        return Reply(["status": "OK"])
    }

    /// Copies the owner's refresh token, as malware would: a link for another browser, and the token for the thief in the page.
    @Sendable private func steal(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        let handle = session.handle.rawValue
        guard let token = try world().story.steal(from: handle) else {
            throw HTTPError(.notFound, message: "There is nothing to steal.")
        }
        return Reply([
            "path": .string("/stolen?session=\(handle)&user=\(escaped(session.userID.rawValue))"),
            "token": .string(token),
        ])
    }

    /// Gives another browser a copy of a session's refresh token, as a thief would.
    @Sendable private func plant(_ request: Request, _: BasicTesseraRequestContext) async throws -> Response {
        let handle = request.uri.queryParameters["session"].map(String.init) ?? ""
        let user = request.uri.queryParameters["user"].map(String.init) ?? ""
        guard let token = try await worlds.world(of: user).story.steal(from: handle) else {
            throw HTTPError(.notFound, message: "There is nothing to steal.")
        }
        let cookie =
            "sRefreshToken=\(escaped(token)); Path=/auth/session/refresh; Max-Age=86400; HttpOnly; SameSite=Lax"
        var response = Response(status: .seeOther, headers: [.location: "/"])
        for cookie in [cookie] + Visitor.cookies(user, hasCopy: true) {
            response.headers.append(HTTPField(name: .setCookie, value: cookie))
        }
        return response
    }

    private func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

/// A JSON reply.
struct Reply: ResponseGenerator {
    let value: JSONValue

    init(_ value: JSONValue) {
        self.value = value
    }

    func response(from _: Request, context _: some RequestContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: value.text)))
    }
}

extension Request {
    /// The body as a JSON object of at most 64 KiB.
    func json() async throws -> JSONObject {
        let buffer = try await body.collect(upTo: 65_536)
        guard let object = (try? JSONValue(parsing: Array(buffer.readableBytesView)))?.object else {
            throw HTTPError(.badRequest, message: "The body must be a JSON object.")
        }
        return object
    }
}
