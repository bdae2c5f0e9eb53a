import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

/// What session-only drivers ask about users: a session core knows none, but it knows when sessions were used.
extension CoreAPI {
    func countUsers(_ call: Call) throws(InvalidRequest) -> CoreReply {
        let request = try call.decode(Catalogue.countUsers)
        for recipe in request.recipes?.split(separator: ",") ?? []
        where !Self.recipesWithUsers.contains(String(recipe)) {
            throw InvalidRequest(.unknownRecipe(String(recipe)))
        }
        var reply = CountReply()
        reply.count = 0
        if request.allowsApproximate == true {
            (reply.isApproximate, reply.asOf) = (false, service.currentTime.milliseconds)
        }
        return .json(Catalogue.usersCounted.encode(reply, call.dialect))
    }

    private static let recipesWithUsers: Set = ["emailpassword", "thirdparty", "passwordless", "webauthn"]

    func countActiveUsers(_ call: Call) async throws -> CoreReply {
        let since = try call.decode(Catalogue.countActiveUsers).since
        guard since >= 0 else { throw InvalidRequest(.negativeSince) }
        var reply = CountReply()
        reply.count = Int64(try await service.countActiveUsers(since: Timestamp(milliseconds: since)))
        return .json(Catalogue.activeUsersCounted.encode(reply))
    }

    /// Always disabled: no telemetry is sent.
    func showTelemetry() -> CoreReply {
        var reply = ChoiceReply()
        reply.isSo = false
        return .json(Catalogue.telemetryShown.encode(reply))
    }

    func listUsers() -> CoreReply { .list(Catalogue.usersListed, JSONObjects([])) }

    func findUser(_ call: Call) throws(InvalidRequest) -> CoreReply {
        _ = try call.decode(Catalogue.findUser)
        return .status("UNKNOWN_USER_ID_ERROR")
    }
}
