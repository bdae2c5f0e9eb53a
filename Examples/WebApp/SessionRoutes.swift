import Foundation
import HTTPTypes
import Hummingbird
import SessionEngine
import SessionService
import SessionStorage
import TesseraHummingbird

/// The calls of the pages; README.md describes their JSON.
struct SessionRoutes {
    let service: SessionManager
    let clock: DemoClock
    let loot: Loot

    func add(to router: Router<BasicTesseraRequestContext>) {
        router.post("api/login", use: logIn)
        router.get("stolen", use: plant)
        let api = router.group("api").add(middleware: RequireSession(VerifyOptions(checksDatabase: true)))
        api.get("me", use: me)
        api.get("data") { _, context in Reply(.object(try await context.requireSession().data())) }
        api.put("data", use: save)
        api.get("sessions", use: devices)
        api.post("sessions/revoke", use: revoke)
        api.post("sessions/revoke-all", use: revokeAll)
        api.get("trail", use: auditLog)
        api.post("expire", use: expire)
        api.post("steal") { _, context in
            Reply(["path": .string("/stolen?session=\(try context.requireSession().handle)")])
        }
    }

    @Sendable private func logIn(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let form = try await request.json()
        guard let user = form["user"]?.string, !user.isEmpty, form["password"] == "demo" else {
            throw HTTPError(.forbidden, message: "Any name will do, but the password is \"demo\".")
        }
        let session = try await context.createSession(userID: UserID(user), payload: ["name": .string(user)])
        loot.note(session)
        return Reply(["status": "OK"])
    }

    @Sendable private func me(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        return Reply([
            "user": .string(session.userID.rawValue), "handle": .string(session.handle.rawValue),
            "expiresAt": .integer(Timestamp(session.accessTokenExpiresAt).milliseconds),
            "payload": .object(session.payload),
        ])
    }

    @Sendable private func save(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        try await context.requireSession().setData(try await request.json())
        return Reply(["status": "OK"])
    }

    @Sendable private func devices(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let current = try context.requireSession()
        var list: [JSONValue] = []
        for handle in try await context.sessions().handles(of: current.userID) {
            guard let found = try await context.sessions().information(on: handle) else { continue }
            list.append([
                "handle": .string(handle.rawValue), "createdAt": .integer(Timestamp(found.createdAt).milliseconds),
                "expiresAt": .integer(Timestamp(found.expiresAt).milliseconds),
                "current": .bool(handle == current.handle),
            ])
        }
        return Reply(.array(list))
    }

    /// Only one's own sessions can be revoked.
    @Sendable private func revoke(_ request: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        let handle = SessionHandle(try await request.json()["handle"]?.string ?? "")
        guard try await context.sessions().handles(of: session.userID).contains(handle) else {
            throw HTTPError(.notFound, message: "There is no such session.")
        }
        if handle == session.handle {
            try await session.revoke(by: .user)
        } else {
            try await context.sessions().revoke([handle], by: .user)
        }
        return Reply(["status": "OK"])
    }

    @Sendable private func revokeAll(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let session = try context.requireSession()
        try await context.sessions().revokeAll(of: session.userID, by: .user)
        try await session.revoke()
        return Reply(["status": "OK"])
    }

    @Sendable private func auditLog(_: Request, _ context: BasicTesseraRequestContext) async throws -> Reply {
        let user = try context.requireSession().userID
        let records = try await service.auditEvents(AuditQuery(userID: user, limit: 30))
        return Reply(
            .array(
                records.map { record in
                    [
                        "time": .integer(record.event.time.milliseconds), "kind": .string(record.event.name.rawValue),
                        "handle": .string(record.event.handle?.rawValue ?? ""),
                    ]
                }))
    }

    @Sendable private func expire(_: Request, _: BasicTesseraRequestContext) async throws -> Reply {
        clock.push(by: service.policy.accessTokenValidity)
        return Reply(["status": "OK"])
    }

    /// Gives another browser a copy of a session's refresh token, as a thief would.
    @Sendable private func plant(_ request: Request, _: BasicTesseraRequestContext) async throws -> Response {
        let handle = request.uri.queryParameters["session"].map(String.init) ?? ""
        guard let token = loot[handle] else { throw HTTPError(.notFound, message: "There is nothing to steal.") }
        let value = token.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let cookie = "sRefreshToken=\(value); Path=/auth/session/refresh; Max-Age=86400; HttpOnly; SameSite=Lax"
        return Response(status: .seeOther, headers: [.location: "/", .setCookie: cookie])
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
