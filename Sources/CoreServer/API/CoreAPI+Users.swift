import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionService

/// What session-only drivers ask about users: a session core knows none, but it knows when sessions were used.
extension CoreAPI {
    func countUsers(_ call: Call) throws(InvalidRequest) -> CoreReply {
        for recipe in call.request.parameter("includeRecipeIds")?.split(separator: ",") ?? []
        where !Self.recipesWithUsers.contains(String(recipe)) {
            throw InvalidRequest(.unknownRecipe(String(recipe)))
        }
        var document = ReplyDocument(.userCount, call.dialect)
        document.add("status", "OK")
        document.add("count", .integer(0))
        if call.request.parameter("allowApproximate")?.lowercased() == "true" {
            document.add("approximate", .bool(false))
            document.add("asOf", .integer(service.currentTime.milliseconds))
        }
        return .json(document.object)
    }

    private static let recipesWithUsers: Set = ["emailpassword", "thirdparty", "passwordless", "webauthn"]

    func countActiveUsers(_ call: Call) async throws -> CoreReply {
        guard let since = Int64(try call.parameter("since")) else { throw InvalidRequest(.notALong("since")) }
        guard since >= 0 else { throw InvalidRequest(.negativeSince) }
        let count = try await service.countActiveUsers(since: Timestamp(milliseconds: since))
        return .json(["status": "OK", "count": .integer(count)])
    }

    /// Tessera tells nobody anything.
    func showTelemetry() -> CoreReply { .json(["exists": false]) }

    func listUsers() -> CoreReply { .json(["status": "OK", "users": .array([])]) }

    func findUser(_ call: Call) throws(InvalidRequest) -> CoreReply {
        _ = try call.parameter("userId")
        return .status("UNKNOWN_USER_ID_ERROR")
    }
}
