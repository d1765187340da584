"""German for what the extension shows; any other language falls back on the English in the source."""

from __future__ import annotations

import bpy

__all__ = ["GERMAN", "register", "unregister"]

GERMAN = {
    # Footage
    "Footage": "Filmmaterial",
    "Source": "Quelle",
    "Where the footage comes from": "Woher das Filmmaterial kommt",
    "File": "Datei",
    "A photo or a movie from disk": "Ein Foto oder ein Film von der Festplatte",
    "Sequence": "Sequenz",
    "The images of a folder, one a frame, in the order of their numbers": (
        "Die Bilder eines Ordners, je eines pro Frame, in der Reihenfolge ihrer Nummern"
    ),
    "Clip": "Clip",
    "Movie Clip": "Filmclip",
    "A movie clip that is open in this file": "Ein Filmclip, der in dieser Datei geöffnet ist",
    "The movie clip to capture": "Der Filmclip, der erfasst werden soll",
    "The photo, movie, or one image of the sequence. One person, one camera, one shot": (
        "Das Foto, der Film oder ein Bild der Sequenz. Eine Person, eine Kamera, eine Einstellung"
    ),
    "DICE Footage": "DICE-Filmmaterial",
    "Open Photo or Movie…": "Foto oder Film öffnen…",
    "Choose a photo, a movie, or several images that make a sequence": (
        "Ein Foto, einen Film oder mehrere Bilder wählen, die eine Sequenz bilden"
    ),
    "Choose a photo or a movie": "Ein Foto oder einen Film wählen",
    "Choose a movie clip": "Einen Filmclip wählen",
    "Choose footage": "Filmmaterial wählen",
    "Or drop it onto the viewport": "Oder auf die Ansicht ziehen",
    "Relative Path": "Relativer Pfad",
    "Remember the footage relative to the saved file": "Das Filmmaterial relativ zur gespeicherten Datei merken",
    "The footage is missing": "Das Filmmaterial fehlt",
    "This file cannot be read": "Diese Datei kann nicht gelesen werden",
    "The frame range ends before it starts": "Der Framebereich endet vor seinem Anfang",
    "The frame range starts after the footage": "Der Framebereich beginnt nach dem Ende des Filmmaterials",
    "Refresh Footage": "Filmmaterial neu lesen",
    "Look at the footage on disk again": "Das Filmmaterial auf der Festplatte noch einmal ansehen",
    "{:d} frames": "{:d} Frames",
    "1 frame": "1 Frame",
    "1 picture": "1 Bild",
    "Its frames are not evenly spaced: each keeps its own time": (
        "Seine Frames folgen nicht gleichmäßig aufeinander: jeder behält seine Zeit"
    ),
    "{:.5g} fps": "{:.5g} fps",
    "Frame Range": "Framebereich",
    "Capture a part of the footage instead of all of it": "Nur einen Teil des Filmmaterials erfassen",
    "Start": "Anfang",
    "First frame to capture, counted from 1": "Erster Frame, gezählt von 1",
    "End": "Ende",
    "Last frame to capture, counted from 1": "Letzter Frame, gezählt von 1",
    "Lens Angle": "Bildwinkel",
    "Give the camera's angle of view where it is known, instead of the file's own or an ordinary lens": (
        "Den Bildwinkel der Kamera angeben, wenn er bekannt ist, statt des Winkels der Datei oder eines Normalobjektivs"
    ),
    "Angle": "Winkel",
    "Angle of view along the longer side of the picture": "Bildwinkel entlang der längeren Bildseite",
    "Resting Face": "Gesicht in Ruhe",
    "Measure expressions from a frame in which the face rests, so that brows that lie low are no frown": (
        "Die Mimik von einem Frame aus messen, in dem das Gesicht ruht, damit tiefe Brauen kein Stirnrunzeln sind"
    ),
    "Frame in which the face rests, counted from 1": "Frame, in dem das Gesicht ruht, gezählt von 1",
    "The Face Rests Here": "Hier ruht das Gesicht",
    "Name the frame of the selected take that is shown now as the one in which the face rests, for the next capture": (
        "Den Frame des gewählten Takes, der gerade zu sehen ist, als den nennen, in dem das Gesicht ruht, für die"
        " nächste Erfassung"
    ),
    "The take has no head in this scene: import it again": (
        "Der Take hat in dieser Szene keinen Kopf: neu importieren"
    ),
    "The frame of the resting face is none of those to capture": (
        "Der Frame mit dem Gesicht in Ruhe ist keiner von denen, die erfasst werden"
    ),
    "Hands": "Hände",
    "Which of the subject's hands to capture": "Welche Hände der Person erfasst werden",
    "Auto": "Auto",
    "Find out which hands are in the picture": "Herausfinden, welche Hände im Bild sind",
    "Left": "Links",
    "Only the subject's own left hand": "Nur die eigene linke Hand der Person",
    "Right": "Rechts",
    "Only the subject's own right hand": "Nur die eigene rechte Hand der Person",
    "Both": "Beide",
    "Both hands": "Beide Hände",
    # Character
    "Character": "Charakter",
    "Armature": "Armatur",
    "What poses the character": "Was den Charakter bewegt",
    "The file of the map": "Die Datei der Zuordnung",
    "The mesh that has the face; it may be the whole body": ("Das Mesh mit dem Gesicht; es kann der ganze Körper sein"),
    "Use Selected": "Auswahl nehmen",
    "Take the selected character, and find its bones and its shape keys by their names": (
        "Den ausgewählten Charakter nehmen und seine Knochen und Shape Keys an ihren Namen finden"
    ),
    "Find Again": "Neu suchen",
    "Find the bones and shape keys anew, in place of what the lists say": (
        "Knochen und Shape Keys neu suchen, anstelle dessen, was in den Listen steht"
    ),
    "Bones": "Knochen",
    "Bone": "Knochen",
    "The bone of the skin that has this role; empty leaves it out": (
        "Der Knochen der Haut, der diese Rolle hat; leer lässt sie aus"
    ),
    "The role that is chosen in the list": "Die Rolle, die in der Liste gewählt ist",
    "Expressions": "Mimik",
    "Expression": "Ausdruck",
    "The expression that is chosen in the list": "Der Ausdruck, der in der Liste gewählt ist",
    "Shape Key": "Shape Key",
    "The shape key that shows this expression; empty leaves it out": (
        "Der Shape Key, der diesen Ausdruck zeigt; leer lässt ihn aus"
    ),
    "Gain": "Faktor",
    "By what the captured weight is multiplied": "Womit das erfasste Gewicht multipliziert wird",
    "Offset": "Versatz",
    "What is added to the weight, for a face that is not neutral": (
        "Was zum Gewicht hinzukommt, für ein Gesicht, das nicht neutral ist"
    ),
    "Neck Share": "Anteil des Halses",
    "How much of the head's turn the neck carries: 0 none, 1 all of it": (
        "Wie viel der Kopfdrehung der Hals übernimmt: 0 nichts, 1 alles"
    ),
    "How deep the character's skin gives way: 0 not at all, 1 as skin does, 2 twice as deep": (
        "Wie tief die Haut des Charakters nachgibt: 0 gar nicht, 1 wie Haut, 2 doppelt so tief"
    ),
    "Keep Touches": "Berührungen erhalten",
    "Have hands touch the character's face where they touched in the take; off carries the pose alone": (
        "Hände das Gesicht des Charakters dort berühren lassen, wo sie es im Take tun; aus überträgt nur die Pose"
    ),
    "Which of the take's hands are put onto the character": (
        "Welche Hände des Takes auf den Charakter übertragen werden"
    ),
    "Every hand that the take has": "Jede Hand, die der Take hat",
    "Only the left hand": "Nur die linke Hand",
    "Only the right hand": "Nur die rechte Hand",
    "Arms": "Arme",
    "Which controls of the character's arms are keyed": "Welche Controls der Arme des Charakters Keys bekommen",
    "FK": "FK",
    "Upper arms, forearms and hands are keyed; a rig's arms are switched to FK": (
        "Oberarme, Unterarme und Hände bekommen Keys; die Arme eines Rigs werden auf FK geschaltet"
    ),
    "IK": "IK",
    (
        "The IK controls of the rig's hands and elbows are keyed, and its arms switched to IK. "
        "Needs a rig that has such controls, as Rigify and Auto-Rig Pro have"
    ): (
        "Die IK-Controls für Hände und Ellbogen des Rigs bekommen Keys, und seine Arme werden auf IK geschaltet. "
        "Das Rig muss solche Controls haben, wie Rigify und Auto-Rig Pro"
    ),
    "Result As": "Ergebnis als",
    "How the new actions are played": "Wie die neuen Aktionen gespielt werden",
    "The character plays the new actions. Those that it played before are kept and come back later": (
        "Der Charakter spielt die neuen Aktionen. Die bisherigen bleiben erhalten und kommen später zurück"
    ),
    "NLA": "NLA",
    "The new actions go to tracks of their own in the NLA, and the character's own actions keep playing": (
        "Die neuen Aktionen kommen auf eigene Spuren im NLA, und die Aktionen des Charakters spielen weiter"
    ),
    "Transfer": "Übertragen",
    "Put the selected take onto the character, its touches kept. Blender stays usable meanwhile": (
        "Den gewählten Take mit seinen Berührungen auf den Charakter übertragen. Blender bleibt bedienbar"
    ),
    "Cancel Transfer": "Übertragung abbrechen",
    "Stop putting the take onto the character; nothing is changed then": (
        "Die Übertragung anhalten; dann wird nichts geändert"
    ),
    "Transfer to Character": "Auf den Charakter übertragen",
    "Key the character as the worker has solved it": "Den Charakter so animieren, wie es berechnet wurde",
    "{} is on the character": "{} ist auf dem Charakter",
    "Remove from Character": "Vom Charakter entfernen",
    "Take the selected take off the character again: its actions, dents, contact groups and empties": (
        "Den gewählten Take wieder vom Charakter nehmen: Aktionen, Dellen, Berührungsgruppen und Empties"
    ),
    "The selected take is not on this character": "Der gewählte Take ist nicht auf diesem Charakter",
    "Save Map": "Zuordnung speichern",
    "Save the lists of bones and expressions as a file, for other characters of the kind": (
        "Die Listen der Knochen und Ausdrücke als Datei speichern, für andere Charaktere dieser Art"
    ),
    "Load Map": "Zuordnung laden",
    "Load lists of bones and expressions that were saved here": (
        "Listen von Knochen und Ausdrücken laden, die hier gespeichert wurden"
    ),
    "Face Points": "Gesichtspunkte",
    "Set Points by Hand": "Punkte von Hand setzen",
    "Set twelve points on the face by hand, where it is not found. The armature goes to its rest position": (
        "Zwölf Punkte im Gesicht von Hand setzen, wo es nicht gefunden wird. Die Armatur geht in die Ruheposition"
    ),
    "Remove Points": "Punkte entfernen",
    "Remove the points set by hand, so that the face is found by itself again": (
        "Die von Hand gesetzten Punkte entfernen, damit das Gesicht wieder von selbst gefunden wird"
    ),
    "Points set by hand: {:d}. Move them onto the face": ("Von Hand gesetzte Punkte: {:d}. Auf das Gesicht schieben"),
    "The face is found by itself; set points where it is not": (
        "Das Gesicht wird von selbst gefunden; Punkte setzen, wo das nicht gelingt"
    ),
    "Bones: {:d} of {:d}": "Knochen: {:d} von {:d}",
    "Expressions: {:d} of {:d}": "Mimik: {:d} von {:d}",
    "Expressions: are made": "Mimik: wird erzeugt",
    # Capture
    "This file is not saved: takes go to {}, and move beside the file when you save it": (
        "Diese Datei ist nicht gespeichert: Takes kommen nach {} und ziehen beim Speichern neben die Datei"
    ),
    "Capture": "Erfassen",
    "Add to Queue": "Einreihen",
    "Recover the head, the hands and their contact from the footage. Blender stays usable meanwhile": (
        "Kopf, Hände und ihre Berührung aus dem Filmmaterial gewinnen. Blender bleibt währenddessen bedienbar"
    ),
    "Engine": "Verfahren",
    "What recovers the head, the hands and the contact": "Was Kopf, Hände und Berührung gewinnt",
    "Built-In": "Mitgeliefert",
    "Ships with the extension, needs nothing else, free for commercial work": (
        "Gehört zur Erweiterung, braucht sonst nichts, frei für gewerbliche Arbeit"
    ),
    "DICE Network": "DICE-Netz",
    "The published network; needs licensed files and a Python with PyTorch, see preferences": (
        "Das veröffentlichte Netz; braucht lizenzierte Dateien und ein Python mit PyTorch, siehe Einstellungen"
    ),
    "Refine Contact": "Berührung verfeinern",
    "Have the network's contact and deformation refined, so that hand and head do not intersect": (
        "Berührung und Verformung des Netzes verfeinern, damit Hand und Kopf sich nicht durchdringen"
    ),
    "Which parametric head is fitted and animated": "Welcher parametrische Kopf angepasst und animiert wird",
    "Ships with the extension, free for commercial work": "Gehört zur Erweiterung, frei für kommerzielle Arbeit",
    "ICT-FaceKit": "ICT-FaceKit",
    "The head that you have added with 100 identity modes and teeth, free for commercial work": (
        "Der Kopf, den Sie hinzugefügt haben, mit 100 Formen und Zähnen, frei für kommerzielle Arbeit"
    ),
    "Set Up DICE Network": "DICE-Netz einrichten",
    "Keys": "Keys",
    "How the animation is keyed": "Wie die Animation in Keys gefasst wird",
    "How the animation is keyed when a take is imported": "Wie die Animation beim Import in Keys gefasst wird",
    "Per Frame": "Pro Frame",
    "One shape key a captured frame: exact, for editing, stills and short shots": (
        "Ein Shape Key pro erfasstem Frame: exakt, für Nachbearbeitung, Standbilder und kurze Einstellungen"
    ),
    "Compact": "Kompakt",
    "A few shape keys with animated weights: within 0.2 mm, for long shots": (
        "Wenige Shape Keys mit animierten Gewichten: auf 0,2 mm genau, für lange Einstellungen"
    ),
    "Rigged": "Geriggt",
    "Expression keys, contact keys and hand armatures: for game engines and retargeting": (
        "Mimik-Keys, Berührungs-Keys und Hand-Armaturen: für Game-Engines und Retargeting"
    ),
    "Import When Done": "Danach importieren",
    "Import the take into this scene as soon as it is captured": (
        "Den Take in diese Szene importieren, sobald er erfasst ist"
    ),
    "Cancel": "Abbrechen",
    "Cancel Capture": "Erfassung abbrechen",
    "Stop this capture. The frames that are finished stay on disk, and capturing again resumes after them": (
        "Diese Erfassung anhalten. Fertige Frames bleiben erhalten, und erneutes Erfassen setzt nach ihnen fort"
    ),
    "Stopping after this frame…": "Hält nach diesem Frame an…",
    "Starting…": "Startet…",
    "DICE starts…": "DICE startet…",
    "Loading for {:.0f} s": "Lädt seit {:.0f} s",
    "No progress for {:.0f} s": "Kein Fortschritt seit {:.0f} s",
    "{:.1f} fps": "{:.1f} fps",
    "{:d}:{:02d} left": "noch {:d}:{:02d}",
    "{} failed": "{} ist fehlgeschlagen",
    "Copy Report": "Bericht kopieren",
    "Copy the error, the settings and the last lines of the worker process to the clipboard": (
        "Den Fehler, die Einstellungen und die letzten Zeilen des Arbeitsprozesses in die Zwischenablage kopieren"
    ),
    "The report is on the clipboard": "Der Bericht ist in der Zwischenablage",
    "The folder for takes cannot be made: {}": "Der Ordner für Takes kann nicht angelegt werden: {}",
    # Result
    "Result": "Ergebnis",
    "Take": "Take",
    "The take that is shown below. Double-click it to rename it": (
        "Der Take, der unten gezeigt wird. Ein Doppelklick benennt ihn um"
    ),
    "Takes of other files: {:d}": "Takes aus anderen Dateien: {:d}",
    "Add to List": "In die Liste",
    "List the imported takes that came into this scene from other files": (
        "Importierte Takes auflisten, die aus anderen Dateien in diese Szene gekommen sind"
    ),
    "No take in this scene yet": "Noch kein Take in dieser Szene",
    "Import Take…": "Take importieren…",
    "Unfinished: capture again to resume": "Unfertig: erneut erfassen, um fortzusetzen",
    "{}: tracked in {:.0f} %": "{}: verfolgt in {:.0f} %",
    "Head": "Kopf",
    "Hand.L": "Hand.L",
    "Hand.R": "Hand.R",
    "Touches": "Berührungen",
    "Touch": "Berührung",
    "Click a touch to go to its first frame": "Ein Klick auf eine Berührung geht zu ihrem ersten Frame",
    "Place (Hand)": "Stelle (Hand)",
    "Frames, Depth": "Frames, Tiefe",
    "Depth": "Tiefe",
    "Go to frame {}, where this touch begins. It ends at {} and is {:.1f} mm deep": (
        "Zu Frame {} gehen, wo diese Berührung beginnt. Sie endet bei {} und ist {:.1f} mm tief"
    ),
    "No touch was found": "Keine Berührung gefunden",
    "Unsure Frames": "Unsichere Frames",
    "Unsure": "Unsicher",
    "Hand": "Hand",
    "Click a stretch to go to its first frame": "Ein Klick auf eine Strecke geht zu ihrem ersten Frame",
    "Depth or touch of a hand may well be wrong here: look from the side": (
        "Tiefe oder Berührung einer Hand kann hier leicht falsch sein: von der Seite ansehen"
    ),
    "Jump to Touch": "Zur Berührung springen",
    "Go to the first frame of this touch": "Zum ersten Frame dieser Berührung gehen",
    "Reveal Take": "Take zeigen",
    "Show the take's folder in the system's file browser": "Den Ordner des Takes im Dateimanager zeigen",
    "The take's folder is gone: {}": "Der Ordner des Takes ist weg: {}",
    "Import": "Importieren",
    "Import Again": "Neu importieren",
    "Import the selected take with these keys. Names, modifiers, materials, camera and timing that you changed stay": (
        "Den gewählten Take mit diesen Keys importieren. Geänderte Namen, Modifier, Materialien, Kamera, Timing bleiben"
    ),
    "Delete Take": "Take löschen",
    "Remove the selected take from this file, and on request delete its folder from disk": (
        "Den gewählten Take aus dieser Datei entfernen und auf Wunsch seinen Ordner löschen"
    ),
    "Delete Folder from Disk": "Ordner löschen",
    "Delete the captured data as well. This cannot be undone": (
        "Auch die erfassten Daten löschen. Das kann nicht rückgängig gemacht werden"
    ),
    "The folder could not be deleted: {}": "Der Ordner konnte nicht gelöscht werden: {}",
    "The folder stays: another import of the take needs it": (
        "Der Ordner bleibt: ein anderer Import des Takes braucht ihn"
    ),
    "Delete Take “{}”?": "Take „{}“ löschen?",
    "Delete": "Löschen",
    "Deleted {}": "{} gelöscht",
    "Its objects, keys, markers and camera leave this file": (
        "Seine Objekte, Keys, Marker und Kamera verlassen diese Datei"
    ),
    # View and timing
    "View": "Ansicht",
    "Look Through Camera": "Durch die Kamera sehen",
    "After an import, look at the result through the DICE Camera, with the footage behind it": (
        "Nach einem Import das Ergebnis durch die DICE-Kamera ansehen, mit dem Filmmaterial dahinter"
    ),
    "Look at the take as the footage's camera saw it, with the footage behind it": (
        "Den Take ansehen, wie die Kamera des Filmmaterials ihn sah, mit dem Filmmaterial dahinter"
    ),
    "There is no DICE Camera or no 3D view: import the take again": (
        "Es gibt keine DICE-Kamera oder keine 3D-Ansicht: den Take neu importieren"
    ),
    "Show Only This Take": "Nur diesen Take zeigen",
    "Show All Takes": "Alle Takes zeigen",
    "Take all other takes out of the view layer, so that they are neither shown nor rendered, or bring them back": (
        "Alle anderen Takes aus der Ansichtsebene nehmen, sodass sie unsichtbar sind, auch beim Rendern, oder zurück"
    ),
    "Show Contact": "Berührung zeigen",
    "Colour the skin red where and while it is touched, in views that show materials": (
        "Die Haut rot färben, wo und solange sie berührt wird, in Ansichten, die Materialien zeigen"
    ),
    "Dents": "Dellen",
    "Bake Texture": "Textur backen",
    "Paint head and hands with the best frames of the footage. Exports carry the pictures along": (
        "Kopf und Hände mit den besten Frames des Filmmaterials bemalen. Exporte nehmen die Bilder mit"
    ),
    "How deep the skin gives way: 0 not at all, 1 as captured, 2 twice as deep": (
        "Wie tief die Haut nachgibt: 0 gar nicht, 1 wie erfasst, 2 doppelt so tief"
    ),
    "Timing": "Timing",
    "Scene frame of the take's first frame. Keys, markers and the footage behind the camera move along": (
        "Frame der Szene, auf den der erste Frame des Takes kommt. Keys, Marker und Filmmaterial gehen mit"
    ),
    "Speed": "Tempo",
    "1 plays at the footage's own speed, 0.5 in slow motion, 2 twice as fast": (
        "1 spielt im Tempo des Filmmaterials, 0,5 in Zeitlupe, 2 doppelt so schnell"
    ),
    "Trim Start": "Beschnitt Anfang",
    "First frame of the take that is played, counted from 1. What is before it is kept": (
        "Erster gespielter Frame des Takes, gezählt von 1. Was davor liegt, bleibt erhalten"
    ),
    "Last frame of the take that is played, counted from 1. What is after it is kept": (
        "Letzter gespielter Frame des Takes, gezählt von 1. Was danach liegt, bleibt erhalten"
    ),
    # Animation
    "Animation": "Animation",
    "Reduce Keys": "Keys ausdünnen",
    "Replace the keys of every frame by few that have bezier handles, as close as you ask for": (
        "Die Keys aller Frames durch wenige mit Bezier-Griffen ersetzen, so nah wie verlangt"
    ),
    "Distance": "Abstand",
    "Distance (mm)": "Abstand (mm)",
    "Millimetres by which a location may be off in any frame": (
        "Millimeter, um die eine Position in einem Frame abweichen darf"
    ),
    "How far a rotation may be off in any frame": "Wie weit eine Drehung in einem Frame abweichen darf",
    "Weight": "Gewicht",
    "How far the weight of a shape key, 0 to 1, may be off in any frame": (
        "Wie weit das Gewicht eines Shape Keys, 0 bis 1, in einem Frame abweichen darf"
    ),
    "Import the take with rigged keys first": "Den Take zuerst mit geriggten Keys importieren",
    "{:d} keys became {:d}: at most {:.2f} mm, {:.2f}° and a weight of {:.4f} off, the skin {:.2f} mm": (
        "Aus {:d} Keys wurden {:d}: höchstens {:.2f} mm, {:.2f}° und ein Gewicht von {:.4f} daneben, die Haut {:.2f} mm"
    ),
    "Reduced: at most {:.2f} mm, {:.2f}° and a weight of {:.4f} from the capture": (
        "Ausgedünnt: höchstens {:.2f} mm, {:.2f}° und ein Gewicht von {:.4f} von der Aufnahme entfernt"
    ),
    "Put on NLA Tracks": "Auf NLA-Spuren legen",
    "Take off NLA Tracks": "Von den NLA-Spuren nehmen",
    "Have the take play from NLA tracks that bear its name, as a layer under what you animate; or from its actions": (
        "Den Take von NLA-Spuren mit seinem Namen abspielen, als Ebene unter eigener Animation; oder von seinen Actions"
    ),
    "Actions of your own are in use: what they animate stays on its NLA tracks": (
        "Eigene Actions sind in Gebrauch: was sie animieren, bleibt auf seinen NLA-Spuren"
    ),
    "NLA Tracks": "NLA-Spuren",
    "Have the take play from NLA tracks that bear its name, as a layer under what you animate": (
        "Den Take von NLA-Spuren mit seinem Namen abspielen, als Ebene unter eigener Animation"
    ),
    "Match": "Angleichen",
    "Change the scene, or for units the take, so that the two agree": (
        "Die Szene ändern, bei Einheiten den Take, sodass beide zusammenpassen"
    ),
    "Set the Scene's Frame Rate": "Bildrate der Szene setzen",
    "Extend the Scene's Range": "Bereich der Szene erweitern",
    "Set the Scene's Resolution": "Auflösung der Szene setzen",
    "Scale the Take to the Scene": "Take an die Szene anpassen",
    "The scene plays {0} frames a second and the footage {1}, frame by frame: the take plays at another speed": (
        "Die Szene spielt {0} Frames pro Sekunde und das Filmmaterial {1}: Frame bleibt Frame, also spielt der Take in "
        "anderem Tempo"
    ),
    "The take plays from frame {0} to {1}, the scene from {2} to {3}": (
        "Der Take spielt von Frame {0} bis {1}, die Szene von {2} bis {3}"
    ),
    "The take plays from frame {0} to {1}, and Blender's timeline reaches from 0 to {2}: start it elsewhere": (
        "Der Take spielt von Frame {0} bis {1}, und Blenders Zeitleiste reicht von 0 bis {2}: anderswo anfangen lassen"
    ),
    "The scene renders {0} x {1} pixels and the footage has {2} x {3}": (
        "Die Szene rendert {0} x {1} Pixel, und das Filmmaterial hat {2} x {3}"
    ),
    "A unit of the scene is {0} metres, and the take is in metres: it looks {1} times its size": (
        "Eine Einheit der Szene ist {0} Meter, und der Take ist in Metern: er sieht {1}-mal so groß aus"
    ),
    # Import and export
    "Already Here": "Schon da",
    "What becomes of an earlier import of the same take": "Was aus einem früheren Import desselben Takes wird",
    "Replace": "Ersetzen",
    "Update it: names, modifiers, materials, camera and timing that were changed stay": (
        "Ihn erneuern: geänderte Namen, Modifier, Materialien, Kamera und Timing bleiben"
    ),
    "Keep, Add a Copy": "Behalten, Kopie dazu",
    "Leave it as it is, and import the take a second time beside it": (
        "Ihn lassen, wie er ist, und den Take daneben ein zweites Mal importieren"
    ),
    "The take is in this scene already": "Der Take ist schon in dieser Szene",
    "DICE Take": "DICE-Take",
    "File Path": "Dateipfad",
    "The file to write": "Die Datei, die geschrieben wird",
    "Import DICE Take": "DICE-Take importieren",
    "DICE Take (.dicetake)": "DICE-Take (.dicetake)",
    "Import a captured take into the scene: head, hands, contact, camera and touch markers": (
        "Einen erfassten Take in die Szene importieren: Kopf, Hände, Berührung, Kamera und Marker"
    ),
    "A .dicetake folder, or the take.json in it": "Ein .dicetake-Ordner oder die take.json darin",
    "Start at Frame": "Anfang bei Frame",
    "Put the first frame somewhere else than at the scene's start": (
        "Den ersten Frame an eine andere Stelle als den Anfang der Szene legen"
    ),
    "Frame": "Frame",
    "Scene frame of the take's first frame": "Frame der Szene, auf den der erste Frame des Takes kommt",
    "Keep Speed": "Tempo behalten",
    "In a scene of another frame rate, play at the footage's speed instead of frame by frame": (
        "In einer Szene mit anderer Bildrate im Tempo des Filmmaterials abspielen statt Frame für Frame"
    ),
    "Imported {}": "{} importiert",
    "Export": "Exportieren",
    "For": "Für",
    "Which program the export is for": "Für welches Programm exportiert wird",
    "Unity": "Unity",
    "One skeleton, four bones a vertex, axes and scale as Unity reads them": (
        "Ein Skelett, vier Knochen pro Vertex, Achsen und Maßstab, wie Unity sie liest"
    ),
    "Unreal": "Unreal",
    "One skeleton with a single root bone, four bones a vertex, for Unreal Engine": (
        "Ein Skelett mit einem einzigen Wurzelknochen, vier Knochen pro Vertex, für die Unreal Engine"
    ),
    "Godot": "Godot",
    "One skeleton, four bones a vertex, as Godot reads GLB and FBX": (
        "Ein Skelett, vier Knochen pro Vertex, wie Godot GLB und FBX liest"
    ),
    "Generic": "Allgemein",
    "Head and hands by themselves, for other programs": "Kopf und Hände für sich, für andere Programme",
    "Change to Rigged Keys": "Auf geriggte Keys umstellen",
    "Import the take again with rigged keys, which game engines play, and export that": (
        "Den Take mit geriggten Keys neu importieren, die Game-Engines abspielen, und das exportieren"
    ),
    "Per-frame keys are heavy in engines": "Keys pro Frame sind für Engines schwer",
    "Frames": "Frames",
    "Which frames are exported": "Welche Frames exportiert werden",
    "All Keys": "Alle Keys",
    "From the first to the last key of the take's objects": "Vom ersten bis zum letzten Key der Objekte des Takes",
    "Playback Range": "Abspielbereich",
    "The scene's playback range, or its preview range where that is on": (
        "Der Abspielbereich der Szene oder ihr Vorschaubereich, wo er an ist"
    ),
    "Stand at Origin": "Auf den Ursprung stellen",
    "Move everything so that the head stands on the world's origin, where it is first seen": (
        "Alles so verschieben, dass der Kopf dort, wo er zuerst zu sehen ist, auf dem Weltursprung steht"
    ),
    "Camera": "Kamera",
    "Export the take's camera as well; off leaves it out": "Auch die Kamera des Takes exportieren; aus lässt sie weg",
    "FBX…": "FBX…",
    "GLB…": "GLB…",
    "Alembic…": "Alembic…",
    "USD…": "USD…",
    "Export FBX": "FBX exportieren",
    "Export GLB": "GLB exportieren",
    "Export Alembic": "Alembic exportieren",
    "Export USD": "USD exportieren",
    "DICE Take as Alembic (.abc)": "DICE-Take als Alembic (.abc)",
    "DICE Take as USD (.usd*)": "DICE-Take als USD (.usd*)",
    "Export the selected take as Alembic: its surfaces in each frame, without a rig": (
        "Den gewählten Take als Alembic exportieren: seine Oberflächen in jedem Frame, ohne Rig"
    ),
    "Export the selected take as USD: its surfaces in each frame, without a rig": (
        "Den gewählten Take als USD exportieren: seine Oberflächen in jedem Frame, ohne Rig"
    ),
    "DICE Take as FBX (.fbx)": "DICE-Take als FBX (.fbx)",
    "DICE Take as GLB (.glb)": "DICE-Take als GLB (.glb)",
    "Export the selected take as FBX, with shape keys, curves and bones as the chosen program reads them": (
        "Den gewählten Take als FBX exportieren, mit Shape Keys, Kurven und Knochen, wie das Programm sie liest"
    ),
    "Export the selected take as GLB, the binary form of glTF": "Den gewählten Take als GLB exportieren (binäres glTF)",
    "Exported {}": "{} exportiert",
    "Import a take first": "Zuerst einen Take importieren",
    "{}: waits for {} to end before it is imported": "{}: wird importiert, sobald {} beendet ist",
    "the render": "das Rendern",
    "the bake": "das Backen",
    # Preferences
    "Takes": "Takes",
    "Folder that captured takes go to. Empty: beside the saved file, or among your documents": (
        "Ordner für erfasste Takes. Leer: neben der gespeicherten Datei oder bei den eigenen Dokumenten"
    ),
    "Beside the saved file": "Neben der gespeicherten Datei",
    "Python": "Python",
    "Python with PyTorch": "Python mit PyTorch",
    "The Python that runs the DICE network, with torch and safetensors installed": (
        "Das Python, in dem das DICE-Netz läuft, mit installiertem torch und safetensors"
    ),
    "Licensed Files": "Lizenzierte Dateien",
    "Folder with the DICE checkpoint, MANO and FLAME, which you obtain under their owners' licences": (
        "Ordner mit DICE-Checkpoint, MANO und FLAME, die unter den Lizenzen ihrer Eigentümer zu beziehen sind"
    ),
    "Device": "Gerät",
    "What the DICE network runs on": "Worauf das DICE-Netz läuft",
    "The graphics card where PyTorch can use it, otherwise the processor": (
        "Die Grafikkarte, wo PyTorch sie nutzen kann, sonst der Prozessor"
    ),
    "CPU": "CPU",
    "The processor": "Der Prozessor",
    "CUDA": "CUDA",
    "A graphics card of NVIDIA, or of AMD with ROCm": "Eine Grafikkarte von NVIDIA, oder von AMD mit ROCm",
    "Metal": "Metal",
    "The graphics part of Apple's chips": "Der Grafikteil von Apples Chips",
    "Precision": "Genauigkeit",
    "How exactly the DICE network computes: fewer bits are faster": (
        "Wie genau das DICE-Netz rechnet: mit weniger Bits ist es schneller"
    ),
    "Presence Gate": "Berührungsschwelle",
    "Leave the skin undented in frames where the DICE network considers a touch unlikely": (
        "Die Haut in Frames nicht eindrücken, in denen das DICE-Netz eine Berührung für unwahrscheinlich hält"
    ),
    "Half where the device gains by it and the checkpoint's results stay as good": (
        "Halbe, wo das Gerät dadurch schneller wird und die Ergebnisse des Checkpoints so gut bleiben"
    ),
    "Full": "Voll",
    "32 bits a number: exact, slower": "32 Bit je Zahl: genau, langsamer",
    "Half": "Halb",
    "16 bits a number: faster and less exact, refused where the device does not have it": (
        "16 Bit je Zahl: schneller und weniger genau; abgelehnt, wo das Gerät es nicht kann"
    ),
    "Add Head Model": "Kopfmodell hinzufügen",
    "Add Head Model…": "Kopfmodell hinzufügen…",
    "Adding, about half a minute…": "Wird hinzugefügt, etwa eine halbe Minute…",
    "Install the head of a folder of ICT-FaceKit, which is free for commercial work, for the built-in engine": (
        "Den Kopf aus einem Ordner von ICT-FaceKit, der frei für kommerzielle Arbeit ist, für das mitgelieferte "
        "Verfahren installieren"
    ),
    "The head model is installed: choose it as Head in the Capture panel": (
        "Das Kopfmodell ist installiert: wählen Sie es als Kopf im Bereich Erfassen"
    ),
    "Add Files": "Dateien hinzufügen",
    "Install the files in the folder above; the checkpoint is converted once. They are for non-commercial use": (
        "Die Dateien im Ordner darüber installieren; der Checkpoint wird einmal umgewandelt. Nicht kommerziell"
    ),
    "Check": "Prüfen",
    "Checking…": "Wird geprüft…",
    "Ask the chosen Python whether everything that the DICE network needs is there, and say what is missing": (
        "Das gewählte Python fragen, ob alles da ist, was das DICE-Netz braucht, und sagen, was fehlt"
    ),
    "Log": "Protokoll",
    "How much is written to the log": "Wie viel ins Protokoll geschrieben wird",
    "Warnings": "Warnungen",
    "Only what went wrong": "Nur was schiefging",
    "Normal": "Normal",
    "What was captured, imported and exported": "Was erfasst, importiert und exportiert wurde",
    "Everything": "Alles",
    "For the search for an error": "Für die Fehlersuche",
    "Open Log": "Protokoll öffnen",
    "Open the extension's log": "Das Protokoll der Erweiterung öffnen",
    "The log is empty": "Das Protokoll ist leer",
    "Preferences": "Einstellungen",
    "Open the preferences of DICE for Blender": "Die Einstellungen von DICE for Blender öffnen",
}

# Blender looks labels up in one context and the texts of buttons in another.
_CONTEXTS = ("*", "Operator")
# The language had a country in its code before Blender 4.5.
_CODES = ("de_DE", "de")


def register() -> None:
    """Make the translation known."""
    messages = {(context, english): german for context in _CONTEXTS for english, german in GERMAN.items()}
    bpy.app.translations.register(__package__, dict.fromkeys(_CODES, messages))


def unregister() -> None:
    """Forget the translation."""
    bpy.app.translations.unregister(__package__)
