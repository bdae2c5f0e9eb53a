import CoreConfiguration
import PlatformLibC

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where files are.
enum Paths {
    /// A path from the root, whatever the working folder.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// `tessera` in the user's data folder (XDG base directories).
    static var defaultDataFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") { return folder + "/tessera" }
        let home = environment["HOME"] ?? FileManager.default.currentDirectoryPath
        return home + "/.local/share/tessera"
    }

    /// The folder of a core's database.
    static func dataFolder(_ configuration: OperatorConfiguration) -> String {
        configuration.dataDirectory.map(absolute) ?? defaultDataFolder
    }

    /// The folder of the database of a core that may not run.
    static func dataFolder(_ place: DataPlace) -> String { place.dataDirectory.map(absolute) ?? defaultDataFolder }

    /// Where running cores are registered, whatever their data folder: `TESSERA_STATE_DIR`, or `/var/lib/tessera` for
    /// root and `tessera` in the user's state folder for others.
    static var stateFolder: String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["TESSERA_STATE_DIR"], !folder.isEmpty { return absolute(folder) }
        if getuid() == 0 { return "/var/lib/tessera" }
        if let folder = environment["XDG_STATE_HOME"], folder.hasPrefix("/") { return folder + "/tessera" }
        let home = environment["HOME"] ?? FileManager.default.currentDirectoryPath
        return home + "/.local/state/tessera"
    }

    /// This program's file.
    static var executable: String {
        #if os(Linux)
            if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { return path }
        #endif
        return absolute(CommandLine.arguments.first ?? "tessera")
    }
}
