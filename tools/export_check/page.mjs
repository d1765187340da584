// Loads each file of /jobs.json with three.js, and posts its names, its surface at given times, and a picture of it.
import * as THREE from "three";
import { FBXLoader } from "three/addons/loaders/FBXLoader.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const messages = [];
for (const kind of ["warn", "error"]) console[kind] = (...parts) => messages.push(parts.join(" "));

const nameOf = (node) => node.userData.name ?? node.name;

function chain(node) {
  const names = [];
  for (let above = node; above; above = above.parent) names.push(nameOf(above));
  return names;
}

function worldPositions(mesh) {
  const count = mesh.geometry.attributes.position.count;
  const positions = new Float32Array(3 * count);
  const point = new THREE.Vector3();
  for (let i = 0; i < count; i++) {
    mesh.getVertexPosition(i, point);
    point.applyMatrix4(mesh.matrixWorld).toArray(positions, 3 * i);
  }
  return positions;
}

// Six times the volume that the triangles enclose: negative where they face inwards.
function volume(mesh, positions) {
  const index = mesh.geometry.index;
  const corners = index ? index.count : positions.length / 3;
  const [a, b, c] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
  let sum = 0;
  for (let i = 0; i < corners; i += 3) {
    [a, b, c].forEach((p, k) => p.fromArray(positions, 3 * (index ? index.getX(i + k) : i + k)));
    sum += a.dot(b.cross(c));
  }
  return sum;
}

function base64(array) {
  const bytes = new Uint8Array(array.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}

function picture(root, view, renderer) {
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0x404040);
  const sun = new THREE.DirectionalLight(0xffffff, 2.2);
  sun.position.set(-0.5, 1.0, 1.0);
  scene.add(root, sun, new THREE.HemisphereLight(0xffffff, 0x888888, 1.2));
  const camera = new THREE.PerspectiveCamera(view.fov, view.width / view.height, 0.01, 100);
  camera.matrixAutoUpdate = false;
  camera.matrix.fromArray(view.matrix);
  camera.matrixWorldNeedsUpdate = true;
  camera.updateMatrixWorld(true);
  renderer.setSize(view.width, view.height);
  renderer.render(scene, camera);
  return renderer.domElement.toDataURL("image/png");
}

async function read(job, renderer) {
  const loader = job.url.endsWith(".glb") ? new GLTFLoader() : new FBXLoader();
  const loaded = await loader.loadAsync(job.url);
  const root = loaded.scene ?? loaded;
  const clips = loaded.animations;
  const mixer = new THREE.AnimationMixer(root);
  const actions = clips.map((clip) => mixer.clipAction(clip));
  const pose = (second) => {
    for (const action of actions) {
      action.reset(); // one that has come to its end would stay there
      action.loop = THREE.LoopOnce;
      action.clampWhenFinished = true;
      action.play();
    }
    mixer.setTime(second);
    root.updateMatrixWorld(true);
    root.traverse((node) => node.isSkinnedMesh && node.skeleton.update());
  };
  const result = { id: job.id, nodes: [], colours: {}, pictured: [], animations: clips.map((clip) => clip.name), frames: [] };
  root.traverse((node) => {
    // FBXLoader makes a bone once more for every skin that names it.
    if (!(node.isBone && job.url.endsWith(".fbx") && result.nodes.includes(nameOf(node)))) result.nodes.push(nameOf(node));
    for (const material of [node.material ?? []].flat()) {
      result.colours[material.name] = material.color.toArray();
      if (material.map) result.pictured.push(material.name);
    }
  });
  for (const second of job.seconds) {
    pose(second);
    const meshes = [];
    root.traverse((node) => {
      if (!node.isMesh) return;
      const positions = worldPositions(node);
      meshes.push({ chain: chain(node), positions: base64(positions), volume: volume(node, positions) });
    });
    result.frames.push(meshes);
  }
  if (job.view) {
    pose(job.view.second);
    result.picture = picture(root, job.view, renderer);
  }
  return result;
}

const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
for (const job of await (await fetch("/jobs.json")).json()) {
  messages.length = 0;
  let result;
  try {
    result = await read(job, renderer);
  } catch (error) {
    result = { id: job.id, failure: String(error.stack ?? error) };
  }
  result.messages = [...messages];
  await fetch("/result", { method: "POST", body: JSON.stringify(result) });
}
await fetch("/done", { method: "POST", body: "" });
